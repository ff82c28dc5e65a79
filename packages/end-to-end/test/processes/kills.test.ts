import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import {
  childOf,
  family,
  isRunning,
  isThere,
  killChild,
  type ChildProgram,
} from '../support/processes.ts';
import { newKey, startSystem, temporaryFolder, type System } from '../support/system.ts';

/** An upstream that limits one key for an hour and serves every other. */
async function startUpstream(limitedKey: string): Promise<{ url: string; refusals: () => number }> {
  let refusals = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (request.headers.authorization !== `Bearer ${limitedKey}`) {
      response.end('{"ok":true}');
      return;
    }
    if (request.method === 'POST') refusals += 1;
    response.writeHead(429, { 'retry-after': '3600' });
    response.end('{"error":{"message":"Too many requests","code":429}}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/api/v1`, refusals: () => refusals };
}

async function served(system: System): Promise<boolean> {
  const response = await fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${system.accessKey}` },
    body: '{}',
  }).catch(() => undefined);
  return response?.status === 200;
}

/** Kills a child and resolves with the milliseconds until a new one serves. */
async function kill(system: System, part: ChildProgram): Promise<number> {
  const killedAt = performance.now();
  const victim = await killChild(system.launcher, part);
  await expect
    .poll(
      async () => (childOf(system.launcher, part)?.pid ?? victim) !== victim && served(system),
      { interval: 20 },
    )
    .toBe(true);
  return performance.now() - killedAt;
}

/** How many rounds: each kills the key service, the gateway and the launcher of a system once. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 3);

it(
  'survives kill -9 of each process: services return, cooldowns are kept, nothing is left behind',
  { timeout: 600_000 + ROUNDS * 60_000 },
  async () => {
    const folder = await temporaryFolder();
    const [limited, ...others] = [newKey(), newKey(), newKey()];
    const upstream = await startUpstream(limited);
    const settings = { openrouter: { keys: [limited, ...others], base_url: upstream.url } };
    const times: { kms: number; gateway: number; launcher: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const system = await startSystem({ settings, folder });
      for (let request = 0; request < 6; request += 1) expect(await served(system)).toBe(true);
      const kms = await kill(system, 'kms');
      const gateway = await kill(system, 'gateway');
      const members = family(system.launcher);
      const killedAt = performance.now();
      process.kill(system.launcher, 'SIGKILL');
      const left = () => members.filter(({ pid }) => isRunning(pid));
      await expect.poll(left, { interval: 10 }).toEqual([]);
      times.push({ kms, gateway, launcher: performance.now() - killedAt });
    }
    console.log('kill -9, slowest return in ms:', {
      kms: Math.max(...times.map(({ kms }) => kms)),
      gateway: Math.max(...times.map(({ gateway }) => gateway)),
      launcher: Math.max(...times.map(({ launcher }) => launcher)),
    });
    // One refusal in all: every later life of the key service knew that the key was cooling.
    expect(upstream.refusals()).toBe(1);
  },
);

it('leaves neither socket nor process behind when it is asked to stop', async () => {
  const upstream = await startUpstream('');
  const system = await startSystem({
    settings: { openrouter: { keys: [newKey()], base_url: upstream.url } },
  });
  const members = family(system.launcher);
  expect(members.length).toBeGreaterThanOrEqual(3);
  expect(await system.stop()).toBe(0);
  expect(members.filter(({ pid }) => isThere(pid))).toEqual([]);
  expect(existsSync(system.socket)).toBe(false);
});
