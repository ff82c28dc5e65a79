import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { execa } from 'execa';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Agent, request } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { childOf, childrenOf, isRunning } from '../support/processes.ts';
import { PAID_MODEL, sharedProduct } from '../support/product.ts';
import { temporaryFolder, type System } from '../support/system.ts';

/** How often a worker is killed; `WORKER_KILLS=40` for about two minutes. */
const KILLS = Number(process.env['WORKER_KILLS'] ?? 3);
const SOUND_MS = 3_000;
/** So many answers between two kills show that the workers serve. */
const ANSWERS = 30;
const CHAT_REQUESTS = 'openrouter_proxy_requests_total{api="chat"';
const STREAMS = Number(process.env['RENEW_STREAMS'] ?? 100);

interface World {
  readonly fake: FakeOpenRouter;
  readonly system: System;
}

const withThree = sharedProduct({ server: { workers: 3, http_log_level: 'ERROR' } });
const withTwo = sharedProduct({ server: { workers: 2, http_log_level: 'ERROR' } });

/** The worker processes that run now. */
function workersOf({ system }: World): number[] {
  const primary = childOf(system.launcher, 'gateway')?.pid ?? NaN;
  return childrenOf(primary)
    .filter(({ state }) => state !== 'Z')
    .map(({ pid }) => pid);
}

/** Asks once, on a connection of its own; what happened. */
async function ask(
  { system }: World,
  body: object = {},
): Promise<{ status: number; text: string }> {
  const sent = request(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    agent: new Agent({ keepAlive: false }),
    headers: { authorization: `Bearer ${system.accessKey}`, 'content-type': 'application/json' },
  });
  sent.end(
    JSON.stringify({
      model: PAID_MODEL,
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    }),
  );
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, text };
}

/** Every metric of all processes, as text. */
async function rawMetrics({ system }: World): Promise<string> {
  const headers = { authorization: `Bearer ${system.accessKey}` };
  const response = await fetch(`${system.url}/metrics/raw`, { headers });
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringContaining('# HELP')]);
  return text;
}

/** The sum of the samples that begin so. */
const sumOf = (metrics: string, beginning: string): number =>
  metrics
    .split('\n')
    .filter((line) => line.startsWith(beginning))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

it('fetch the model list once for all of them', async () => {
  const world = await withThree();
  const { fake, system } = world;
  const answers = await Promise.all(
    Array.from({ length: 30 }, () =>
      fetch(`${system.url}/api/v1/models`, { headers: { connection: 'close' } }).then((answer) =>
        answer.text(),
      ),
    ),
  );
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toContain(PAID_MODEL);
  const asked = fake.requests.records.filter((record) => record.url.endsWith('/models'));
  expect(asked).toHaveLength(1);
});

it('share the requests, and their metrics are one', async () => {
  const world = await withThree();
  expect(workersOf(world)).toHaveLength(3);
  const before = sumOf(await rawMetrics(world), CHAT_REQUESTS);
  for (let n = 0; n < 30; n += 1) expect((await ask(world)).status).toBe(200);
  const metrics = await rawMetrics(world);
  expect(sumOf(metrics, CHAT_REQUESTS) - before).toBe(30);
  expect(sumOf(metrics, 'openrouter_proxy_kms_up ')).toBe(1);
  const started = metrics.matchAll(/^process_start_time_seconds\{.*worker="(\d+)"/gm);
  expect(Array.from(started, ([, worker]) => worker).sort()).toEqual(['1', '2', '3']);
});

it('are told of a changed configuration, all of them', async () => {
  const { fake, system } = await withThree();
  const key = `guest-${'x'.repeat(20)}`;
  await system.configure({
    ...system.settings,
    openrouter: { base_url: fake.url, keys: fake.keys.map(({ secret }) => secret) },
    server: { ...(system.settings['server'] as object), access_keys: [{ name: 'guest', key }] },
  });
  process.kill(system.launcher, 'SIGUSR2'); // some are being started meanwhile
  process.kill(system.launcher, 'SIGHUP');
  await system.line(({ message }) => message === 'configuration reloaded');
  await system.line(({ message }) => message === 'rolling restart complete');
  const guest: World = { fake, system: { ...system, accessKey: key } };
  for (let n = 0; n < 12; n += 1) expect((await ask(guest)).status).toBe(200);
});

it('are renewed without an answer being cut', async () => {
  const world = await withTwo();
  const { fake, system } = world;
  fake.rules.add({ match: { method: 'POST' }, fault: { kind: 'delay', eventMs: 300 } });
  const before = workersOf(world);
  const streams = Array.from({ length: STREAMS }, () => ask(world, { stream: true }));
  await expect
    .poll(() => fake.requests.records.filter(({ method }) => method === 'POST').length)
    .toBe(STREAMS);
  process.kill(system.launcher, 'SIGUSR2');
  await system.line(({ message }) => message === 'rolling restart complete');
  expect((await ask(world)).status).toBe(200);
  const answers = await Promise.all(streams);
  expect(answers.filter(({ text }) => text.includes('[DONE]'))).toHaveLength(STREAMS);
  await expect.poll(() => workersOf(world).some((pid) => before.includes(pid))).toBe(false);
  expect(workersOf(world)).toHaveLength(2);
});

it('are ended and replaced when they hang', async () => {
  const world = await withTwo();
  await expect.poll(() => workersOf(world)).toHaveLength(2); // none of an earlier test drains
  const [hung] = workersOf(world);
  if (hung === undefined) throw new Error('there is no worker');
  process.kill(hung, 'SIGSTOP');
  await world.system.line(({ message }) => message === 'a worker does not answer and is ended');
  await expect.poll(() => workersOf(world).filter((pid) => pid !== hung)).toHaveLength(2);
  for (let n = 0; n < 6; n += 1) expect((await ask(world)).status).toBe(200);
});

it(
  'are replaced when they are killed: only what they were doing is lost, and nobody is refused',
  { timeout: 600_000 + KILLS * 60_000 },
  async () => {
    const world = await withTwo();
    const over = new AbortController();
    const results = { answered: 0, cut: 0, refused: 0 };
    const load = Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) {
        try {
          const { status } = await ask(world);
          expect(status).toBe(200);
          results.answered += 1;
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'ECONNREFUSED') results.refused += 1;
          else results.cut += 1;
        }
      }
    });
    for (let kill = 0; kill < KILLS; kill += 1) {
      // A worker that is killed sooner after its start counts as crashed.
      await sleep(SOUND_MS);
      const { answered } = results;
      await expect.poll(() => results.answered).toBeGreaterThan(answered + ANSWERS);
      const [victim] = workersOf(world);
      if (victim === undefined) {
        const log = world.system.lines().filter(({ message }) => message !== 'request');
        throw new Error(`there is no worker: ${JSON.stringify(log.slice(-8))}`);
      }
      process.kill(victim, 'SIGKILL');
      await expect.poll(() => workersOf(world).filter((pid) => pid !== victim).length).toBe(2);
    }
    over.abort();
    await Promise.all(load);
    console.log('kill -9 of workers:', { kills: KILLS, ...results });
    expect(results.refused).toBe(0);
    // At most what eight clients had under way, or in the queue of the one that died, each time.
    expect(results.cut).toBeLessThanOrEqual(8 * KILLS);
  },
);

it('say once that their port is taken, and that is a mistake of the configuration', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const folder = await temporaryFolder();
  const { port } = taken.address() as AddressInfo; // it listens
  const file = path.join(folder, 'config.yml');
  const server = { port, workers: 3, access_key: 'x'.repeat(32), log_format: 'json' };
  const keys = [`sk-or-v1-${'0'.repeat(64)}`];
  await writeFile(file, JSON.stringify({ server, openrouter: { keys } }), { mode: 0o600 });
  const { exitCode, all } = await execa({ reject: false, all: true })(process.execPath, [
    ...[PROGRAMS.launcher, '--config', file],
  ]);
  expect(exitCode).toBe(78);
  expect(all.match(/is taken by another program/g)).toHaveLength(1);
});

it('leave nothing behind when the launcher dies', async () => {
  const world = await withTwo();
  const workers = workersOf(world);
  process.kill(world.system.launcher, 'SIGKILL');
  await expect.poll(() => workers.filter(isRunning)).toEqual([]);
});
