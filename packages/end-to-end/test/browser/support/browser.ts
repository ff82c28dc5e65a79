import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import chromium from '@sparticuz/chromium';
import {
  chromium as driver,
  type Browser,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';
import { onTestFinished } from 'vitest';
import { browserFiles } from './browser-files.ts';

/**
 * Arguments that weaken the browser's defences, or that have a graphics card emulated for every frame:
 * drawing in software takes a third of the processor time.
 */
const UNWANTED = new Set([
  ...['--single-process', '--no-zygote', '--disable-web-security', '--ignore-gpu-blocklist'],
  ...['--in-process-gpu', '--use-gl=angle', '--use-angle=swiftshader'],
  '--enable-unsafe-swiftshader',
]);

/** Starts the browser that comes with an npm package, with some variables of the environment changed. */
export async function startBrowser(
  changed: Readonly<Record<string, string>> = {},
): Promise<Browser> {
  const { executablePath, env } = await browserFiles();
  return driver.launch({
    executablePath,
    env: { ...process.env, ...env, ...changed },
    args: [...chromium.args.filter((arg) => !UNWANTED.has(arg)), '--disable-gpu'],
  });
}

/** A page, and everything about it that should not have happened. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors in the console, of scripts, and of the Content-Security-Policy; dialogs; foreign requests. */
  readonly complaints: readonly string[];
}

/** How somebody looks at a page. */
export interface Look extends Omit<BrowserContextOptions, 'locale'> {
  readonly accessKey?: string;
  /** Null: the browser's own. */
  readonly locale?: string | null;
}

/** Opens an address of a site in a window of its own, which is closed when the test is over. */
export async function openPage(
  browser: Browser,
  url: string,
  { accessKey, locale = 'en-GB', ...options }: Look = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    ...(locale === null ? {} : { locale }),
    ...{ timezoneId: 'Europe/Berlin', viewport: { width: 1280, height: 900 } },
    ...(accessKey === undefined ? {} : { httpCredentials: { username: '', password: accessKey } }),
    ...options,
  });
  context.setDefaultTimeout(0); // the test's own limit holds
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const { origin } = new URL(url);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const isOurs = request.url().startsWith(origin) || request.url().startsWith('data:');
    if (!isOurs) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** Something that stands in the way of people, as axe-core finds it. */
export interface Barrier {
  readonly impact: string;
  readonly rule: string;
  readonly elements: readonly string[];
}

/** What axe-core says of a page. */
interface AxeResults {
  readonly violations: {
    readonly id: string;
    readonly impact: string;
    readonly nodes: { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** Everything on a page that axe-core takes for a barrier. */
export async function barriers(page: Page): Promise<Barrier[]> {
  const require = createRequire(import.meta.url);
  await page.evaluate(await readFile(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations.map(({ id, impact, nodes }) => ({
    impact,
    rule: id,
    elements: nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary}`),
  }));
}

/** How far a page is wider than its window, in pixels. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
