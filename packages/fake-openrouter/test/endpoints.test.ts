import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OpenRouter } from '@openrouter/sdk';
import { expect, it, onTestFinished } from 'vitest';
import { startFakeOpenRouter, type FakeOpenRouter } from '../src/server/server.ts';

const MODEL = 'openai/gpt-4o';

async function start() {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  fake.addKey({ name: 'a' });
  fake.addKey({ name: 'b' });
  fake.addKey({ name: 'manager', isManagement: true });
  const clients = fake.keys.map(({ secret }) => sdk(fake, secret));
  const [a, b, manager] = clients;
  if (a === undefined || b === undefined || manager === undefined) throw new Error('no clients');
  return { fake, a, b, manager };
}

const sdk = (fake: FakeOpenRouter, apiKey: string) =>
  new OpenRouter({ apiKey, serverURL: fake.url, retryConfig: { strategy: 'none' } });

/** The SDK's union of three forms has an unknown one, which has no id. */
const idOf = (file: object) => String('id' in file && file.id);

const bytesOf = async (stream: ReadableStream<Uint8Array>) =>
  Buffer.from(await new Response(stream).arrayBuffer());

const status = (promise: Promise<unknown>) =>
  promise.then(
    () => 200,
    (error: unknown) => (error as { statusCode?: number }).statusCode, // the SDK's errors have one
  );

it('makes a video that completes when it is asked for twice, for its own account only', async () => {
  const { fake, a, b } = await start();
  const job = await a.videoGeneration.generate({
    videoGenerationRequest: { model: MODEL, prompt: 'a cat' },
  });
  expect(job).toMatchObject({ status: 'pending', pollingUrl: `${fake.url}/videos/${job.id}` });
  const poll = (client: OpenRouter) => client.videoGeneration.getGeneration({ jobId: job.id });
  expect(await status(poll(b))).toBe(404);
  expect((await poll(a)).status).toBe('in_progress');
  const done = await poll(a);
  expect(done).toMatchObject({ status: 'completed', usage: { cost: 0.5 } });
  expect(done.unsignedUrls).toEqual([`${fake.url}/videos/${job.id}/content?index=0`]);
  const content = (client: OpenRouter) => client.videoGeneration.getVideoContent({ jobId: job.id });
  expect((await bytesOf(await content(a))).length).toBe(256 * 1024);
  expect(await status(content(b))).toBe(404);
  expect(fake.creations).toMatchObject([{ kind: 'video', id: job.id, key: 'a' }]);
  expect(fake.keys[0]?.spent).toBe(0.5);
});

it.each([502, 'end', 'reset'] as const)('takes a job although its client sees %s', async (then) => {
  const { fake, a } = await start();
  fake.rules.add({ match: { path: '/videos' }, fault: { kind: 'after-work', then } });
  const request = { videoGenerationRequest: { model: MODEL, prompt: 'a cat' } };
  expect(await status(a.videoGeneration.generate(request))).not.toBe(200);
  expect(fake.creations).toHaveLength(1);
});

it('keeps files for their account, in the form of the provider that is asked for', async () => {
  const { a, b } = await start();
  const names = ['one.txt', 'two.txt', 'three.txt'];
  const ids: string[] = [];
  for (const fileName of names) {
    const file = { fileName, content: new TextEncoder().encode(`text of ${fileName}`) };
    ids.push(idOf(await a.files.upload({ requestBody: { file } })));
  }
  const first = await a.files.list({ limit: 2 });
  const { result } = first as unknown as { result: { data: { id: string }[]; hasMore: boolean } };
  expect([result.data.map(({ id }) => id), result.hasMore]).toEqual([[ids[2], ids[1]], true]);
  const [id = ''] = ids;
  const content = (client: OpenRouter) => client.files.download({ fileId: id });
  expect((await bytesOf(await content(a))).toString()).toBe('text of one.txt');
  expect(await a.files.retrieve({ fileId: id, provider: 'openai' })).toMatchObject({
    object: 'file',
    bytes: 15,
  });
  expect(await a.files.retrieve({ fileId: id, provider: 'anthropic' })).toMatchObject({ id });
  const refused = [content(b), b.files.retrieve({ fileId: id }), b.files.delete({ fileId: id })];
  expect(await Promise.all(refused.map(status))).toEqual([404, 404, 404]);
  await a.files.delete({ fileId: id });
  expect(await status(content(a))).toBe(404);
});

it('takes 100 MB and gives them back without holding them in memory', async () => {
  const program = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url, keys } = JSON.parse(line.toString()) as { url: string; keys: { secret: string }[] };
  const peak = async () =>
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
  const before = await peak();
  const piece = 'x\r\n--almost-the-boundar'.padEnd(64, '-').repeat(16 * 1024);
  const file = new File(Array<string>(100).fill(piece), 'big.bin');
  const form = new FormData();
  form.set('file', file);
  form.set('purpose', 'batch');
  const headers = { authorization: `Bearer ${keys[0]?.secret}` };
  const response = await fetch(`${url}/files?provider=openai`, {
    method: 'POST',
    headers,
    body: form,
  });
  const made = (await response.json()) as { id: string };
  expect(made).toMatchObject({ bytes: file.size, purpose: 'batch' });
  const content = await fetch(`${url}/files/${made.id}/content`, { headers });
  const received = Buffer.from(await content.arrayBuffer());
  expect(received.equals(Buffer.from(await file.arrayBuffer()))).toBe(true);
  expect((await peak()) - before).toBeLessThan(80);
});

it('runs a batch over a file of the account, which ends on command', async () => {
  const { fake, a } = await start();
  const file = await a.files.upload({
    requestBody: { file: { fileName: 'in.jsonl', content: new TextEncoder().encode('{}') } },
  });
  const ask = async (method: string, path: string, key = 0, body?: object) => {
    const headers = { authorization: `Bearer ${fake.keys[key]?.secret}` };
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(fake.url + path, { method, headers, ...init });
    return { status: response.status, body: await response.text() };
  };
  const input = { input_file_id: idOf(file), endpoint: '/v1/chat/completions' };
  expect((await ask('POST', '/batches', 1, input)).status).toBe(404);
  const made = JSON.parse((await ask('POST', '/batches', 0, input)).body) as { id: string };
  const command = JSON.stringify({ id: made.id, status: 'completed' });
  const control = fake.url.replace('/api/v1', '/__control/jobs/end');
  expect((await fetch(control, { method: 'POST', body: command })).status).toBe(200);
  const done = JSON.parse((await ask('GET', `/batches/${made.id}`)).body) as {
    output_file_id: string;
    results_url: string;
  };
  expect(done).toMatchObject({ status: 'completed', usage: { cost: 0.25 } });
  expect((await ask('GET', `/files/${done.output_file_id}/content`)).body).toContain('custom_id');
  expect((await ask('GET', `/batches/${made.id}/results`)).body).toContain('custom_id');
  expect((await ask('GET', `/batches/${made.id}/results`, 1)).status).toBe(404);
  expect((await ask('DELETE', `/batches/${made.id}`)).status).toBe(200);
  expect((await ask('GET', '/batches')).body).toContain('"data":[]');
});

it('shows a generation and its words to its own account only', async () => {
  const { a, b } = await start();
  const made = await a.chat.send({
    chatRequest: { model: MODEL, messages: [{ role: 'user', content: 'a secret' }] },
  });
  const { id } = made as { id: string };
  expect(await status(a.generations.getGeneration({ id }))).toBe(404);
  expect((await a.generations.getGeneration({ id })).data).toMatchObject({ id, model: MODEL });
  const content = await a.generations.listGenerationContent({ id });
  expect(JSON.stringify(content.data)).toContain('a secret');
  expect(await status(b.generations.getGeneration({ id }))).toBe(404);
  expect(await status(b.generations.listGenerationContent({ id }))).toBe(404);
});

it('keeps administration for management keys, which have no inference', async () => {
  const { a, manager } = await start();
  expect(await status(a.apiKeys.list())).toBe(403);
  expect(await status(a.workspaces.list())).toBe(403);
  expect(await status(manager.files.list({}))).toBe(403);
  const made = await manager.apiKeys.create({ requestBody: { name: 'new' } });
  expect(made.key).toMatch(/^sk-or-v1-/);
  expect((await manager.apiKeys.list()).data.map(({ name }) => name)).toEqual(['manager', 'new']);
  const { id } = (await a.oAuth.createAuthCode({ requestBody: { callbackUrl: 'https://x.test' } }))
    .data;
  const minted = await a.oAuth.exchangeAuthCodeForAPIKey({ requestBody: { code: id } });
  expect(minted.key).toMatch(/^sk-or-v1-/);
});
