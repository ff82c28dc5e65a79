import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FREE_MODEL,
  PAID_MODEL,
  productForAll,
  sharedProduct,
  startProduct,
} from '../support/product.ts';
import { ask, lives, makeTraffic } from './support/traffic.ts';
import { barriers, openPage, startBrowser } from './support/browser.ts';

/** The ids of the requests that are listed. */
const listed = (page: Page): Promise<string[]> => page.locator('#requests td.id').allTextContents();

/** A product with traffic of each kind. Its tests add only requests that the others do not list. */
const withTraffic = productForAll(sharedProduct(), makeTraffic);

describe('what one chooses on the dashboard', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(async () => {
    await (browser as Browser | undefined)?.close();
  });

  it('filters requests by outcome, model, client and key where no script runs', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const url = `${system.url}/metrics`;
    const { page, complaints } = await openPage(browser, url, {
      accessKey,
      javaScriptEnabled: false,
    });
    await page.getByLabel('Outcome').selectOption('refused');
    await page.getByRole('button', { name: 'Filter' }).click();
    expect(new URL(page.url()).searchParams.get('outcome')).toBe('refused');
    expect(await listed(page)).toEqual(['mistaken']);
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.getByRole('combobox', { name: 'Model' }).fill(FREE_MODEL);
    await page.getByRole('button', { name: 'Filter' }).click();
    expect(await listed(page)).toEqual(['free-3', 'free-2', 'free-1', 'free-0']);
    await page.goto(`${url}?client=nobody`);
    expect(await page.locator('#requests').textContent()).toContain(
      'None that the filters let through',
    );
    await page.goto(`${url}?key=key-1&outcome=answered&model=${PAID_MODEL}`);
    const onKey = await page.locator('#requests tbody tr').allTextContents();
    expect(onKey.length).toBeGreaterThan(0);
    for (const row of onKey) expect(row).toContain('key-1');
    expect(complaints).toEqual([]);
  });

  it('turns pages to older requests and back, with the filters', async () => {
    const product = await startProduct(1);
    for (let n = 0; n < 23; n += 1) await ask(product, `asked-${n}`);
    await ask(product, 'free', { model: FREE_MODEL });
    const { system, accessKey } = product;
    const url = `${system.url}/metrics?model=${PAID_MODEL}`;
    const { page } = await openPage(browser, url, { accessKey, javaScriptEnabled: false });
    const pages: string[][] = [];
    for (;;) {
      pages.push(await listed(page));
      const older = page.getByRole('link', { name: 'Older' });
      if ((await older.count()) === 0) break;
      await older.click();
    }
    expect(pages.flat()).toEqual(Array.from({ length: 23 }, (_, n) => `asked-${22 - n}`));
    expect(pages.length).toBe(3);
    await page.getByRole('link', { name: 'Latest' }).click();
    expect(await listed(page)).toEqual(pages[0]);
  });

  it('keeps the filters while the page is live, and beside a request', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const { page, complaints } = await openPage(
      browser,
      `${system.url}/metrics?model=${FREE_MODEL}&range=15m`,
      { accessKey },
    );
    await lives(page);
    await ask(product, 'paid-later');
    await ask(product, 'free-later', { model: FREE_MODEL });
    await page.getByRole('link', { name: 'free-later' }).click();
    await page.locator('aside.sheet .story').waitFor();
    expect(await listed(page)).toEqual(['free-later', 'free-3', 'free-2', 'free-1', 'free-0']);
    expect(new URL(page.url()).searchParams.get('model')).toBe(FREE_MODEL);
    await page.keyboard.press('Escape');
    await page.locator('aside.sheet').waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.get('range')).toBe('15m');
    expect(complaints).toEqual([]);
  });

  it('says from when on there is traffic, and lets one choose a range', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const { page } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    expect(await page.locator('#traffic').textContent()).toMatch(/Since \d\d:\d\d:\d\d/);
    for (const range of ['15 m', '6 h', '24 h']) {
      await page.getByRole('link', { name: range, exact: true }).click();
      await lives(page);
      await page.locator('.u-wrap').nth(3).waitFor();
      expect(await page.locator('.figures').textContent()).toContain(`Requests, last ${range}`);
    }
  });

  it('says the time zone once, the browser’s where a script runs', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const zones = async (javaScriptEnabled: boolean) => {
      const { page } = await openPage(browser, `${system.url}/metrics?request=failed-over`, {
        ...{ accessKey, javaScriptEnabled },
      });
      if (javaScriptEnabled) await lives(page);
      const text = await page.evaluate<string>('document.getElementById("root").innerText');
      return text.match(/\b(UTC|CES?T|GMT\S*)|\d\dZ\b/g);
    };
    expect(await zones(true)).toEqual([expect.stringMatching(/^CES?T$/)]);
    expect(await zones(false)).toEqual(['UTC']);
  });

  it('welcomes where no request has come, with settings that can be copied', async () => {
    const product = await startProduct(1);
    const { system, accessKey } = product;
    const { page, complaints } = await openPage(browser, `${system.url}/metrics`, {
      ...{ accessKey, permissions: ['clipboard-read', 'clipboard-write'] },
    });
    await lives(page);
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    expect(await page.locator('.chart').count()).toBe(0);
    await page.getByRole('button', { name: 'Copy: base URL for OpenAI' }).click();
    await page.getByText('Copied').first().waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${system.url}/api/v1`);
    await page.locator('#connect summary', { hasText: 'Claude Code' }).click();
    await page.getByRole('button', { name: 'Copy: settings for Claude Code' }).click();
    await page.getByText('Copied').first().waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(copied).toContain(`ANTHROPIC_BASE_URL=${system.url}/api\n`);
    expect(await page.content()).not.toContain(accessKey);
    expect(await barriers(page)).toEqual([]);
    await ask(product, 'the-first');
    await page.locator('.chart').first().waitFor();
    expect(await page.getByRole('heading', { name: 'Welcome' }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
