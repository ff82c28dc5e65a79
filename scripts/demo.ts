/**
 * `npm run demo`: the real launcher, key service and gateway in front of a fake OpenRouter, with five
 * demo keys of which some have tight limits and meet with trouble now and then. Needs neither an
 * OpenRouter key nor the internet. Ctrl-C ends it and leaves nothing behind.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startProduct } from '@openrouter-proxy/end-to-end';
import { startFakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { watchKeys } from './demo/key-watch.ts';
import { troubles } from './demo/troubles.ts';
import { sendTraffic } from './demo/traffic.ts';

const ACCESS_KEY = 'demo';
/** Further clients, each with a key of its own. */
const OTHERS = ['agent', 'notebook'];
const PORT = Number(process.env['DEMO_PORT'] ?? 5555);

await refuseTakenPort(PORT);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort());
}
process.stdout.on('error', () => stopping.abort()); // nobody reads it any more

const fake = await startFakeOpenRouter();
for (const freePerMinute of [3, 4, 20, 20, 20]) {
  fake.addKey({ account: fake.addAccount({ freePerMinute }) });
}
for (const fault of troubles()) fake.rules.add(fault);

const folder = await mkdtemp(path.join(tmpdir(), 'openrouter-proxy-demo-'));
const product = await startProduct({
  folder,
  logFile: 'log',
  settings: {
    server: {
      port: PORT,
      access_key: ACCESS_KEY,
      access_keys: OTHERS.map((name) => ({ name, key: `demo-${name}` })),
    },
    openrouter: { base_url: fake.url, keys: fake.keys.map(({ secret }) => secret) },
  },
}).catch(async (error: unknown) => {
  await rm(folder, { recursive: true });
  if (!stopping.signal.aborted) throw error;
  process.exit();
});
void product.ended.then(() => stopping.abort());

/** Another demo, say: what answers there is not what is about to start. */
async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    console.error(
      `Port ${port} is taken: end what listens there, or choose another: DEMO_PORT=${port + 1} npm run demo`,
    );
    process.exit(1);
  }
  server.close();
  await once(server, 'close');
}

const { url, config } = product;
const log = path.join(folder, 'log');
console.log(`
  The gateway   ${url}/api/v1   access key: ${ACCESS_KEY}
  Dashboard     ${url}/metrics   (any name, password: ${ACCESS_KEY})
  Its log       ${log}
  OpenRouter    ${fake.url}   (a fake)

  Try:  curl ${url}/api/v1/chat/completions -H 'Authorization: Bearer ${ACCESS_KEY}' \\
          -d '{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hello"}]}'

  Look:  npm run -s kms -- status --config ${config}

  Ctrl-C ends it.
`);
const accessKeys = [ACCESS_KEY, ...OTHERS.map((name) => `demo-${name}`)];
const { signal } = stopping;
await Promise.all([
  sendTraffic({ url, accessKeys, signal }),
  watchKeys(await product.operator(), signal),
]);
const exitCode = await product.stop();
await fake.stop();
await rm(folder, { recursive: true });
console.log(exitCode === 0 ? 'The demo is over.' : `The launcher ended with code ${exitCode}.`);
process.exitCode = exitCode ?? 1;
