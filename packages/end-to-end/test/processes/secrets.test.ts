import { createServer } from 'node:http';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { childOf, family, startedWith } from '../support/processes.ts';
import { newKey, startSystem, temporaryFolder, type System } from '../support/system.ts';

/** An upstream that shows its callers everything it was sent, in headers and bodies, good or bad. */
async function startEcho(): Promise<string> {
  let turn = 0;
  const server = createServer((request, response) => {
    request.resume();
    const seen = JSON.stringify(request.headers);
    const status = [401, 402, 403, 429, 500, 400][turn++ % 6] ?? 500;
    response.writeHead(status, { 'x-echo': String(request.headers.authorization) });
    response.end(JSON.stringify({ error: { message: `you sent ${seen}`, code: status } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
}

/** Sends requests of many kinds and gives back all that a client gets to see. */
async function everythingClientsSee(system: System): Promise<string> {
  const { url, accessKey } = system;
  const bearer = { authorization: `Bearer ${accessKey}` };
  let seen = '';
  const requests: [string, RequestInit][] = [
    ...Array.from({ length: 12 }, (): [string, RequestInit] => [
      '/api/v1/chat/completions',
      { method: 'POST', headers: bearer, body: '{}' },
    ]),
    ['/api/v1/chat/completions', { method: 'POST', headers: { authorization: 'Bearer wrong' } }],
    ['/api/v1/messages', { method: 'POST', headers: { 'x-api-key': accessKey }, body: '{}' }],
    ['/api/v1/models', {}],
    ['/api/v1/key', { headers: bearer }],
    ['/health?verbose=1', { headers: bearer }],
    ['/metrics', { headers: { ...bearer, accept: 'text/html' } }],
    ['/metrics/raw', { headers: bearer }],
    ['/nowhere', { headers: bearer }],
  ];
  for (const [where, init] of requests) {
    const response = await fetch(url + where, init);
    seen += JSON.stringify([...response.headers]) + (await response.text());
  }
  return seen;
}

/** All that lies in the state folder, by file. */
function stateFiles(folder: string): [name: string, content: string][] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, readFileSync(path.join(folder, name), 'latin1')]);
}

it('lets no secret out: not in answers, logs, arguments, environments or files', async () => {
  const folder = await temporaryFolder();
  const [inFile, inEnvironment] = [newKey(), newKey()];
  const proxyPassword = `proxy-${newKey().slice(9, 25)}`;
  const system = await startSystem({
    folder,
    settings: {
      openrouter: { keys: [inFile, { key_env: 'A_KEY' }], base_url: await startEcho() },
      requestProxy: { enabled: false, url: `socks5://user:${proxyPassword}@127.0.0.1:1` },
    },
    environment: { A_KEY: inEnvironment },
  });
  const answers = await everythingClientsSee(system);
  const members = family(system.launcher);
  const kms = childOf(system.launcher, 'kms');
  const started = members.filter(({ pid }) => pid !== kms?.pid).map(({ pid }) => startedWith(pid));
  const operatorToken = readFileSync(path.join(system.stateDir, 'operator.token'), 'utf8').trim();
  const files = stateFiles(system.stateDir).filter(([name]) => name !== 'operator.token');
  await system.stop();

  const places = {
    answers,
    log: system.output(),
    'arguments and environments': started.join('\n'),
    files: files.map(([, content]) => content).join('\n'),
  };
  expect(members.length).toBeGreaterThanOrEqual(3);
  expect(system.output()).toContain('"status":429');
  const secrets = { inFile, inEnvironment, proxyPassword, operatorToken, access: system.accessKey };
  for (const [place, text] of Object.entries(places)) {
    for (const [name, secret] of Object.entries(secrets)) {
      expect(text.includes(secret), `the secret ${name} is in the ${place}`).toBe(false);
    }
  }
});

it('scrubs keys that came by the environment from the environment of every process', async () => {
  const [first, second] = [newKey(), newKey()];
  const system = await startSystem({
    settings: { openrouter: { base_url: await startEcho() } },
    environment: {
      OPENROUTER_KEYS: `${first},${second}`,
      OPENROUTER_PROXY_ACCESS_KEY: 'canary-access',
    },
  });
  for (const { pid, command } of family(system.launcher)) {
    expect(startedWith(pid), command).not.toContain(first);
    expect(startedWith(pid), command).not.toContain(second);
    expect(startedWith(pid), command).not.toContain('canary-access');
  }
});
