import { describe, expect, it } from 'vitest';
import { FREE_MODEL, PAID_MODEL, sharedProduct, type Product } from '../support/product.ts';

const CLIENTS = { ann: 'a'.repeat(40), bob: 'b'.repeat(40) };
const startProduct = sharedProduct({
  server: { access_keys: Object.entries(CLIENTS).map(([name, key]) => ({ name, key })) },
});
type Client = keyof typeof CLIENTS;

/** A product with keys of three accounts. */
const withAccounts = () => startProduct(3);

/** Sends a request as a client. */
async function send(product: Product, client: Client, method: string, path: string, body?: object) {
  const url = path.startsWith('http') ? path : `${product.openAiUrl}${path}`;
  return await fetch(url, {
    method,
    headers: { authorization: `Bearer ${CLIENTS[client]}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

interface Video {
  id: string;
  status: string;
  polling_url: string;
  unsigned_urls?: string[];
}

async function makeVideo(product: Product, client: Client): Promise<Video> {
  const body = { model: PAID_MODEL, prompt: 'a cat' };
  const answer = await send(product, client, 'POST', '/videos', body);
  expect(answer.status).toBe(202);
  return (await answer.json()) as Video;
}

/** The keys that were asked for a path. */
const keysFor = ({ fake }: Product, part: string) =>
  fake.requests.records.filter(({ url }) => url.includes(part)).map(({ key }) => key);

describe('a video job', () => {
  it('is polled and downloaded at the gateway, on the account that made it', async () => {
    const product = await withAccounts();
    const videos = [await makeVideo(product, 'ann'), await makeVideo(product, 'ann')];
    for (const { polling_url, id } of videos) {
      expect(polling_url.startsWith(product.openAiUrl)).toBe(true);
      let polled: Video = { id, status: '', polling_url };
      for (let n = 0; n < 10 && polled.status !== 'completed'; n += 1) {
        const answer = await send(product, 'ann', 'GET', polling_url);
        expect(answer.status).toBe(200);
        polled = (await answer.json()) as Video;
      }
      const [download = ''] = polled.unsigned_urls ?? [];
      expect(download.startsWith(product.openAiUrl)).toBe(true);
      const content = await send(product, 'ann', 'GET', download);
      expect(content.status).toBe(200);
      expect((await content.arrayBuffer()).byteLength).toBe(256 * 1024);
      expect(new Set(keysFor(product, id)).size).toBe(1);
    }
  });

  it('does not exist for another client', async () => {
    const product = await withAccounts();
    const { id } = await makeVideo(product, 'ann');
    product.fake.requests.clear();
    for (const path of [
      `/videos/${id}`,
      `/videos/${id}/content`,
      `/VIDEOS/${id}`,
      `/videos/${id}/`,
    ]) {
      expect((await send(product, 'bob', 'GET', path)).status).toBe(404);
    }
    expect(product.fake.requests.records).toEqual([]);
  });

  it('that nobody remembers is found account by account, and belongs to who found it', async () => {
    const product = await withAccounts();
    const last = product.fake.keys.at(-1);
    const made = await fetch(`${product.fake.url}/videos`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${last?.secret ?? ''}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model: PAID_MODEL, prompt: 'a dog' }),
    });
    const { id } = (await made.json()) as Video;
    expect((await send(product, 'ann', 'GET', `/videos/${id}`)).status).toBe(200);
    expect((await send(product, 'bob', 'GET', `/videos/${id}`)).status).toBe(404);
    expect((await send(product, 'ann', 'GET', '/videos/nobody-made-it')).status).toBe(404);
  });
});

describe('a generation', () => {
  it('is shown to the client that made it only', async () => {
    const product = await withAccounts();
    const body = { model: FREE_MODEL, messages: [{ role: 'user', content: 'Hello' }] };
    const answer = await send(product, 'ann', 'POST', '/chat/completions', body);
    const { id } = (await answer.json()) as { id: string };
    const path = `/generation?id=${id}`;
    await expect.poll(async () => (await send(product, 'ann', 'GET', path)).status).toBe(200);
    expect((await send(product, 'bob', 'GET', path)).status).toBe(404);
  });
});

/** Uploads a file as a client. */
async function upload(product: Product, client: Client, name: string): Promise<string> {
  const form = new FormData();
  form.set('file', new Blob(['hello']), name);
  form.set('purpose', 'batch');
  const made = await fetch(`${product.openAiUrl}/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLIENTS[client]}` },
    body: form,
  });
  expect(made.ok).toBe(true);
  return ((await made.json()) as { id: string }).id;
}

describe('a list of files', () => {
  it('has the files of its client only, of all accounts, page by page', async () => {
    const product = await withAccounts();
    const before = await send(product, 'bob', 'GET', '/files');
    const known = ((await before.json()) as { data: unknown[] }).data.length;
    const ids: string[] = [];
    for (const name of ['1', '2', '3', '4']) ids.push(await upload(product, 'bob', name));
    await upload(product, 'ann', 'of-ann');
    const seen: string[] = [];
    let after = '';
    for (let page = 0; page < 5; page += 1) {
      const answer = await send(product, 'bob', 'GET', `/files?limit=3${after}`);
      expect(answer.status).toBe(200);
      const list = (await answer.json()) as { data: { id: string }[]; has_more: boolean };
      seen.push(...list.data.map(({ id }) => id));
      if (!list.has_more) break;
      after = `&after=${list.data.at(-1)?.id ?? ''}`;
    }
    expect(seen.slice(0, 4)).toEqual(ids.toReversed());
    expect(seen).toHaveLength(4 + known);
    expect(new Set(keysFor(product, '/files')).size).toBeGreaterThan(1);
  });
});

describe('a file', () => {
  it('is deleted by its client only', async () => {
    const product = await withAccounts();
    const id = await upload(product, 'ann', 'hello.txt');
    expect((await send(product, 'bob', 'DELETE', `/files/${id}`)).status).toBe(404);
    expect((await send(product, 'ann', 'GET', `/files/${id}`)).status).toBe(200);
    expect((await send(product, 'ann', 'DELETE', `/files/${id}`)).status).toBe(200);
    expect((await send(product, 'ann', 'DELETE', `/files/${id}`)).status).toBe(404);
  });
});

describe('a preset', () => {
  it.each([
    ['as the model', { model: '@preset/house-style' }],
    ['beside the model', { model: PAID_MODEL, preset: 'house-style' }],
  ])('that a body names %s is used on the account that holds it', async (_where, body) => {
    const product = await startProduct(3, undefined, { presets: { 'house-style': 'key-2' } });
    product.fake.requests.clear();
    for (let n = 0; n < 4; n += 1) {
      const messages = [{ role: 'user', content: 'Hello' }];
      await (await send(product, 'ann', 'POST', '/chat/completions', { ...body, messages })).text();
    }
    expect(new Set(keysFor(product, '/chat/completions')).size).toBe(1);
  });
});
