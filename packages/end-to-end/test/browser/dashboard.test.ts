import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { childOf } from '../support/processes.ts';
import { productForAll, sharedProduct, startProduct } from '../support/product.ts';
import { ask, limitedFor, lives, makeTraffic } from './support/traffic.ts';
import { barriers, openPage, overflow, startBrowser } from './support/browser.ts';

const keyRow = (page: Page, name: string) =>
  page.locator('details.key').filter({ has: page.getByText(name, { exact: true }) });

/** A product with traffic of each kind, for tests that leave it as it is. */
const withTraffic = productForAll(sharedProduct(), makeTraffic);

describe('the dashboard in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(async () => {
    await (browser as Browser | undefined)?.close();
  });

  it('asks for the access key, and shows itself to who has it', async () => {
    const product = await startProduct(2);
    const url = `${product.system.url}/metrics`;
    const stranger = await openPage(browser, url);
    expect(await stranger.page.locator('details.key').count()).toBe(0);
    const { page, complaints } = await openPage(browser, url, { accessKey: product.accessKey });
    await lives(page);
    expect(await page.locator('details.key').count()).toBe(2);
    expect(complaints).toEqual([]);
  });

  it('shows without a reload that a key cools, and that it returns', async () => {
    const product = await startProduct(3);
    const { fake, system, accessKey } = product;
    const { page, complaints } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    fake.rules.add({ match: { key: 'key-1', method: 'POST' }, fault: limitedFor(600), times: 1 });
    const row = keyRow(page, 'key-1');
    expect(await row.textContent()).toContain('Serving');
    for (let n = 0; n < 3; n += 1) expect((await ask(product, `to-cool-${n}`))[0]).toBe(200);
    await row.getByText('Cooling').first().waitFor();
    const operator = await operatorOf(system);
    const { keys } = await operator.call('keys.list', {});
    const cooled = keys.find(({ name }) => name === 'key-1');
    await operator.call('keys.uncool', { keyId: cooled?.keyId ?? '' });
    await row.getByText('Serving').first().waitFor();
    expect(complaints).toEqual([]);
  });

  it('leads from a request to its attempts, by a click, by a search, and by its address', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const { page, complaints } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    await page.getByRole('link', { name: 'failed-over' }).click();
    const sheet = page.locator('aside.sheet');
    await sheet
      .getByText(/key limit reached/)
      .first()
      .waitFor();
    const told = await sheet.textContent();
    expect(told).toMatch(/key-\d.*key-\d/);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    await page.getByLabel('Request id').fill('mistaken');
    await page.keyboard.press('Enter');
    await sheet
      .getByText(/request refused/)
      .first()
      .waitFor();
    await page.goto(`${system.url}/metrics?request=plain-3`);
    expect(await sheet.textContent()).toContain('plain-3');
    expect(complaints).toEqual([]);
  });

  it('says that a request cannot be looked up while the key service hangs, and shows it afterwards', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const { page, complaints } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    const kms = childOf(system.launcher, 'kms')?.pid ?? NaN;
    process.kill(kms, 'SIGSTOP');
    await page.getByLabel('Request id').fill('failed-over');
    await page.keyboard.press('Enter');
    const sheet = page.locator('aside.sheet');
    await sheet.getByText(/does not answer/).waitFor();
    process.kill(kms, 'SIGCONT');
    await sheet
      .getByText(/key limit reached/)
      .first()
      .waitFor();
    expect(complaints).toEqual([]);
  });

  it('follows a request that is looked up while it runs, until it has ended', async () => {
    const product = await startProduct(2);
    const { fake, system, accessKey } = product;
    fake.rules.add({ match: { method: 'POST' }, fault: { kind: 'delay', headersMs: 600_000 } });
    const { page } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    const client = new AbortController();
    const answered = ask(product, 'slow', {}, client.signal).catch(() => 'left');
    await page.getByRole('link', { name: 'slow' }).click();
    const sheet = page.locator('aside.sheet');
    await sheet.locator('.ending', { hasText: 'running' }).waitFor();
    client.abort();
    expect(await answered).toBe('left');
    await sheet.locator('.ending', { hasText: 'client left' }).waitFor();
  });

  it('lives in a browser whose language is not a valid tag', async () => {
    const { system, accessKey } = await withTraffic();
    const odd = await startBrowser({ LANG: 'C', LC_ALL: 'C' });
    onTestFinished(() => odd.close());
    const look = { accessKey, locale: null };
    const { page, complaints } = await openPage(odd, `${system.url}/metrics`, look);
    await lives(page);
    expect(await page.evaluate('navigator.language')).toBe('en');
    expect(complaints).toEqual([]);
  });

  it.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true }],
  ] as const)('has no barriers and fits its window: %s', async (_name, look) => {
    const product = await withTraffic();
    const url = `${product.system.url}/metrics?request=failed-over`;
    const { page, complaints } = await openPage(browser, url, {
      ...look,
      accessKey: product.accessKey,
    });
    await lives(page);
    await page.locator('.u-wrap').first().waitFor(); // the charts are drawn
    await page.evaluate(
      'for (const part of document.querySelectorAll("details")) part.open = true',
    );
    expect(await barriers(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('follows the colours that the person prefers', async () => {
    const { system, accessKey } = await withTraffic();
    const background = async (colorScheme: 'light' | 'dark') => {
      const { page } = await openPage(browser, `${system.url}/metrics`, { colorScheme, accessKey });
      return page.evaluate('getComputedStyle(document.body).backgroundColor');
    };
    expect(await background('light')).not.toBe(await background('dark'));
  });

  it('can be read, and a request looked up, where no script runs', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const look = { javaScriptEnabled: false, accessKey };
    const { page } = await openPage(browser, `${system.url}/metrics`, look);
    expect(await page.locator('details.key').count()).toBe(3);
    expect(await page.locator('.freshness').textContent()).toContain('As of');
    await page.getByLabel('Request id').fill('failed-over');
    await page.getByRole('button', { name: 'Look up' }).click();
    expect(await page.locator('aside.sheet').textContent()).toContain('key limit reached');
  });

  it('goes through the keys, the requests and a request with nothing but a keyboard', async () => {
    const product = await withTraffic();
    const { system, accessKey } = product;
    const { page } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    const reached = new Set<string>();
    for (let n = 0; n < 60 && !reached.has('search'); n += 1) {
      await page.keyboard.press('Tab');
      reached.add(
        await page.evaluate<string>(
          `(() => { const e = document.activeElement; return e.type === 'search' ? 'search' : e.localName })()`,
        ),
      );
    }
    expect([...reached]).toEqual(expect.arrayContaining(['a', 'summary', 'search']));
    await page.keyboard.type('failed-over');
    await page.keyboard.press('Enter');
    await page
      .locator('aside.sheet')
      .getByText(/key limit reached/)
      .first()
      .waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('sheet-title');
  });

  it('says that the key service is gone, and is live again when that is back', async () => {
    const product = await startProduct(2);
    const { system, accessKey } = product;
    const { page } = await openPage(browser, `${system.url}/metrics`, { accessKey });
    await lives(page);
    const kms = childOf(system.launcher, 'kms')?.pid ?? NaN;
    process.kill(kms, 'SIGSTOP');
    await page
      .getByText(/key service/i)
      .first()
      .waitFor();
    process.kill(kms, 'SIGKILL');
    await keyRow(page, 'key-1').getByText('Serving').first().waitFor();
  });
});
