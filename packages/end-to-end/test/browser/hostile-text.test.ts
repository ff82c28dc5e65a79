import { HOSTILE_TEXT } from '@openrouter-proxy/fake-openrouter';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct } from '../support/product.ts';
import { openPage, startBrowser, type WatchedPage } from './support/browser.ts';

/** As much of a text as a request id may hold. */
const idOf = (text: string, n: number) =>
  `${n}:${text.replaceAll(/[^\x21-\x7e]/g, '')}`.slice(0, 128);

/** Text as the page's own text has it: white space is one blank, what cannot be printed is left out. */
const seen = (text: string) => text.replaceAll(/[^\x21-\x7e]+/g, '');

describe('text from outside', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(async () => {
    await (browser as Browser | undefined)?.close();
  });

  /** What is on the page as text: all of it, or what became of one request. */
  async function textOf({ page }: WatchedPage, selector: string): Promise<string> {
    return seen((await page.locator(selector).textContent()) ?? '');
  }

  it('is text on the dashboard, whoever it comes from', async () => {
    const { fake, system, accessKey } = await startProduct(2, undefined, { max_attempts: 1 });
    const url = `${system.url}/metrics`;
    expect(HOSTILE_TEXT.length).toBeGreaterThanOrEqual(50);
    for (const [n, text] of HOSTILE_TEXT.entries()) {
      const refusal = JSON.stringify({ error: { code: 400, message: text, metadata: { text } } });
      const json = { 'content-type': 'application/json', 'x-generation-id': idOf(text, n) };
      const requestId = idOf(text, n);
      fake.rules.set([
        {
          match: { requestId },
          fault: { kind: 'answer', status: 400, headers: json, body: refusal },
        },
      ]);
      const response = await fetch(`${system.url}/api/v1/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${accessKey}`,
          'content-type': 'application/json',
          'x-request-id': requestId,
        },
        body: JSON.stringify({ model: text, messages: [] }),
      });
      await response.text();
    }
    const board = await openPage(browser, url, { accessKey });
    await board.page.locator('.freshness-live').waitFor();
    const requests = await textOf(board, '#requests');
    const latest = [...HOSTILE_TEXT.entries()].slice(-10);
    for (const [n, text] of latest) expect(requests).toContain(seen(idOf(text, n)));
    for (const [n, text] of HOSTILE_TEXT.entries()) {
      const id = idOf(text, n);
      await board.page.getByLabel('Request id').fill(id);
      await board.page.keyboard.press('Enter');
      await board.page.locator('aside.sheet .story').waitFor();
      expect(await textOf(board, 'aside.sheet')).toContain(seen(id));
      await board.page.keyboard.press('Escape');
    }
    expect(board.complaints).toEqual([]);
    // What the server itself makes of it, before any script runs.
    const still = await openPage(browser, url, { accessKey, javaScriptEnabled: false });
    for (const [n, text] of HOSTILE_TEXT.entries()) {
      const id = idOf(text, n);
      await still.page.goto(`${url}?${new URLSearchParams({ request: id }).toString()}`);
      expect(await textOf(still, 'aside.sheet')).toContain(seen(id));
    }
    expect(system.lines().filter(({ level }) => level === 'ERROR')).toEqual([]);
    expect(still.complaints).toEqual([]);
  });
});
