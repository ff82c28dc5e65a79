/**
 * `npm run screenshots`: takes pictures of the dashboard for docs/ in a real browser while the demo runs.
 * It waits some minutes for the demo's traffic.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import chromium from '@sparticuz/chromium';
import { execa } from 'execa';
import { chromium as driver, type BrowserContextOptions, type Page } from 'playwright-core';

const PORT = 5599;
const MINUTES = Number(process.argv[2] ?? 5);
const FOLDER = path.resolve(import.meta.dirname, '../docs');
const URL = `http://127.0.0.1:${PORT}/metrics`;

/** A picture: how it is looked at, and what is done before it is taken. */
interface Shot {
  readonly name: string;
  readonly look: BrowserContextOptions;
  readonly prepare?: (page: Page) => Promise<void>;
  readonly whole?: boolean;
}

const desktop = { viewport: { width: 1440, height: 900 } };

/** Shows a request that took more than one attempt. */
async function openFailover(page: Page): Promise<void> {
  const row = page.locator('#requests tr', { hasText: /answered 200.*key-\d → key-\d/ }).first();
  // The list moves on every second: the address stays.
  const address = await row.getByRole('link').getAttribute('href', { timeout: 120_000 });
  await page.goto(URL.replace(/\/metrics$/, '') + String(address));
  await page.locator('.freshness-live').waitFor();
  await page.locator('aside.sheet .story').waitFor();
}

const SHOTS: readonly Shot[] = [
  { name: 'dashboard', look: { ...desktop, colorScheme: 'light' }, whole: true },
  { name: 'dashboard-dark', look: { ...desktop, colorScheme: 'dark' } },
  { name: 'dashboard-request', look: { ...desktop, colorScheme: 'light' }, prepare: openFailover },
  {
    name: 'dashboard-phone',
    look: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark' },
  },
];

const demo = execa(process.execPath, [path.resolve(import.meta.dirname, 'demo.ts')], {
  env: { DEMO_PORT: String(PORT) },
  stdout: 'ignore',
  reject: false,
});
console.log(`The demo runs for ${MINUTES} minutes …`);
await sleep(MINUTES * 60_000);
const browser = await driver.launch({
  executablePath: await chromium.executablePath(),
  args: chromium.args.filter((arg) => !['--single-process', '--no-zygote'].includes(arg)),
});
for (const { name, look, prepare, whole = false } of SHOTS) {
  const context = await browser.newContext({
    ...{ locale: 'en-GB', timezoneId: 'UTC', ...look },
    httpCredentials: { username: '', password: 'demo' },
  });
  const page = await context.newPage();
  await page.goto(URL);
  await page.locator('.freshness-live').waitFor();
  await page.locator('.u-wrap').first().waitFor();
  await page.locator('details.key', { hasText: 'Cooling' }).first().waitFor({ timeout: 120_000 });
  await prepare?.(page);
  const file = path.join(FOLDER, `${name}.png`);
  await page.screenshot({ path: file, fullPage: whole, animations: 'disabled' });
  console.log(file);
  await context.close();
}
await browser.close();
demo.kill('SIGTERM');
await demo;
