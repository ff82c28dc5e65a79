import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { FREE_MODEL, productForAll, sharedProduct, type Product } from '../support/product.ts';
import { ask, limitedFor, lives, makeTraffic } from './support/traffic.ts';
import { barriers, openPage, overflow, startBrowser } from './support/browser.ts';

const SCREEN = { width: 1440, height: 900 };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;

const startProduct = sharedProduct();

/** A product with traffic of each kind, for tests that leave it as it is. */
const withTraffic = productForAll(() => startProduct(3), makeTraffic);

/** Thirty keys: most with a free quota that is used up, some cooling, one disabled. */
const withThirtyKeys = productForAll(startThirtyKeys, async (product) => {
  const { fake, system } = product;
  const operator = await operatorOf(system);
  const { keys } = await operator.call('keys.list', {});
  const [first] = keys;
  if (first) await operator.call('keys.disable', { keyId: first.keyId, reason: 'moved' });
  for (const n of [25, 26, 27, 28]) {
    fake.rules.add({
      match: { key: `key-${n}`, method: 'POST' },
      fault: limitedFor(900),
      times: 1,
    });
  }
  for (let n = 0; n < 30; n += 1) await ask(product, `paid-${n}`);
  for (let n = 0; n < 60; n += 1) await ask(product, `free-${n}`, { model: FREE_MODEL });
});

function startThirtyKeys(): Promise<Product> {
  return startProduct(10, (fake) => {
    // OpenRouter's minute ends half an hour from now, so that no limit ends during a test.
    fake.clock.set(Date.now() + 30 * 60_000);
    for (let n = 0; n < 20; n += 1) fake.addKey({ account: fake.addAccount({ freePerMinute: 1 }) });
  });
}

/** Where an element is on the page. */
async function boxOf(page: Page, selector: string) {
  const box = await page.locator(selector).first().boundingBox();
  if (!box) throw new Error(`${selector} cannot be seen`);
  return box;
}

const heightOf = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollHeight');

/** Every element that shows text beyond the right edge of the window. */
const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('main :is(td, th, dd, summary, p, li, strong)')]
    .filter((e) => !e.closest('thead') && e.getClientRects().length > 0 && e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.textContent)`);

describe('the layout of the dashboard', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(async () => {
    await (browser as Browser | undefined)?.close();
  });

  it('shows the state, the traffic and keys on the first screen', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const { page } = await openPage(browser, `${system.url}/metrics`, {
      accessKey,
      viewport: SCREEN,
    });
    await lives(page);
    await page.locator('.u-wrap').nth(3).waitFor();
    for (const selector of ['.health h2', '.figures', '#traffic', 'details.key >> nth=2']) {
      const { y, height } = await boxOf(page, selector);
      expect(y + height, selector).toBeLessThanOrEqual(SCREEN.height);
    }
    const charts = await page.locator('.chart').all();
    const tops = await Promise.all(charts.map(async (chart) => (await chart.boundingBox())?.y));
    expect(charts).toHaveLength(4);
    expect(new Set(tops).size).toBe(1);
  });

  it('shows charts two by two on a narrower screen', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const viewport = { width: 1024, height: 768 };
    const { page } = await openPage(browser, `${system.url}/metrics`, { accessKey, viewport });
    await lives(page);
    const charts = await page.locator('.chart').all();
    const tops = await Promise.all(charts.map(async (chart) => (await chart.boundingBox())?.y));
    expect([...Map.groupBy(tops, (top) => top).values()].map(({ length }) => length)).toEqual([
      2, 2,
    ]);
  });

  it('shows thirty keys on three screens, a line each with the reason of a limit, and folds the rest', async () => {
    const product = await withThirtyKeys();
    const { system, accessKey } = product;
    const { page, complaints } = await openPage(browser, `${system.url}/metrics`, {
      ...{ accessKey, viewport: SCREEN },
    });
    await lives(page);
    await page.locator('.u-wrap').nth(3).waitFor();
    expect(await page.locator('details.key').count()).toBe(30);
    expect(await heightOf(page)).toBeLessThanOrEqual(3 * SCREEN.height);
    const lines = await page.locator('details.key > summary:visible').all();
    expect(lines.length).toBe(12);
    for (const line of lines) expect((await line.boundingBox())?.height).toBeLessThan(40);
    const limited = page.locator('details.key', { hasText: 'Limited' }).first();
    expect(await limited.locator('summary').textContent()).toMatch(
      /free models: free requests used up, for .* until \d\d:\d\d:\d\d/,
    );
    await limited.locator('summary').click();
    await limited.getByText('Key id').waitFor();
    expect(complaints).toEqual([]);
  });

  it('cuts nothing off on a phone, with thirty keys and everything unfolded', async () => {
    const product = await withThirtyKeys();
    const { system, accessKey } = product;
    const { page } = await openPage(browser, `${system.url}/metrics`, { ...PHONE, accessKey });
    await lives(page);
    await page.locator('.u-wrap').nth(3).waitFor();
    expect(await overflow(page)).toBe(0);
    expect(await cutOff(page)).toEqual([]);
    expect(await heightOf(page)).toBeLessThanOrEqual(8 * PHONE.viewport.height);
    await page.evaluate(
      'for (const part of document.querySelectorAll("details:not(.client)")) part.open = true',
    );
    expect(await overflow(page)).toBe(0);
    expect(await cutOff(page)).toEqual([]);
    expect(await barriers(page)).toEqual([]);
  });
});
