import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { KmsClient, ReloadReport } from '@openrouter-proxy/kms-protocol';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { expect, it, onTestFinished } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { childOf, killChild } from '../support/processes.ts';
import { PAID_MODEL, sharedProduct } from '../support/product.ts';
import { newKey, startSystem, temporaryFolder, type System } from '../support/system.ts';

const STREAMS = 200;
const RELOADS = Number(process.env['RELOADS'] ?? 50);

interface World {
  fake: FakeOpenRouter;
  system: System;
  operator: KmsClient;
  /** Changes the file, keeping what is not named. */
  change(openrouter: object, server?: object): Promise<void>;
  spoil(text: string): Promise<void>;
  reload(dryRun?: boolean): Promise<ReloadReport>;
  /** What the key service calls the key of that name. */
  idOf(name: string): Promise<string | undefined>;
}

const startShared = sharedProduct();

async function start(keys: number): Promise<World> {
  const { fake, system } = await startShared(keys);
  const secrets = fake.keys.map(({ secret }) => secret);
  const operator = await operatorOf(system);
  return {
    fake,
    system,
    operator,
    change: (changed, server = {}) =>
      system.configure({
        openrouter: { base_url: fake.url, keys: secrets, ...changed },
        server: { ...(system.settings['server'] as object), ...server },
      }),
    spoil: (text) => writeFile(system.config, text),
    idOf: async (name) => {
      const { keys: found } = await operator.call('keys.list', {});
      return found.find((key) => key.name === name)?.keyId;
    },
    reload: (dryRun = false) => operator.call('service.reload', { dryRun }, { timeoutMs: 120_000 }),
  };
}

function ask({ system }: World, body: object = {}, accessKey = system.accessKey) {
  return fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: PAID_MODEL,
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    }),
  });
}

it('keys that are added, removed and limited take effect at once', async () => {
  const world = await start(2);
  const { fake } = world;
  const [first, second] = fake.keys.map(({ secret }) => secret);
  const third = fake.addKey().secret;
  const [gone, kept] = [await world.idOf('key-1'), await world.idOf('key-2')];
  await world.change({ keys: [second, third] });
  const report = await world.reload();
  const added = await world.idOf('key-2');
  expect(report).toEqual({
    outcome: 'applied',
    ...{ problems: [], warnings: [] },
    changes: [
      { setting: 'openrouter.keys.key-1', change: 'removed', detail: gone },
      {
        setting: 'openrouter.keys.key-1',
        change: 'changed',
        detail: `${kept}: key-2 is called key-1 now`,
      },
      { setting: 'openrouter.keys.key-2', change: 'added', detail: added },
    ],
    needsRestart: [],
  });
  for (let n = 0; n < 6; n += 1) expect((await ask(world)).status).toBe(200);
  const used = fake.requests.records
    .filter(({ method }) => method === 'POST')
    .map(({ key }) => key);
  expect(new Set(used)).toEqual(new Set(['key-2', 'key-3']));
  expect(JSON.stringify(report)).not.toContain(first);
});

it('a key that is taken out and put back is as it was: disabled, if it was', async () => {
  const world = await start(2);
  const [first, second] = world.fake.keys.map(({ secret }) => secret);
  const keyId = (await world.idOf('key-1')) ?? '';
  await world.operator.call('keys.disable', { keyId, reason: 'leaked' });
  for (const keys of [[second], [first, second]]) {
    await world.change({ keys });
    expect((await world.reload()).outcome).toBe('applied');
  }
  expect((await world.operator.call('keys.get', { keyId })).state.kind).toBe('disabled');
  for (let n = 0; n < 4; n += 1) expect((await ask(world)).status).toBe(200);
  const used = world.fake.requests.records.filter(({ method }) => method === 'POST');
  expect(new Set(used.map(({ key }) => key))).toEqual(new Set(['key-2']));
});

it('a plan says what would change, and changes nothing', async () => {
  const world = await start(1);
  await world.change({ free_only: true }, { port: 1 });
  expect(await world.reload(true)).toEqual({
    outcome: 'planned',
    ...{ problems: [], warnings: [] },
    changes: [{ setting: 'openrouter.free_only', change: 'changed', detail: 'false → true' }],
    needsRestart: ['server.port'],
  });
  expect((await ask(world)).status).toBe(200);
});

it('keys in the file that those of the environment come before are remarked upon', async () => {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  const [used, unused] = [fake.addKey().secret, fake.addKey().secret];
  const settings = { openrouter: { base_url: fake.url, keys: [unused] } };
  const system = await startSystem({ settings, environment: { OPENROUTER_KEYS: used } });
  const operator = await operatorOf(system);
  const remark = expect.stringContaining(
    '`openrouter.keys` is not used: OPENROUTER_KEYS',
  ) as string;
  for (const dryRun of [true, false]) {
    expect(await operator.call('service.reload', { dryRun })).toEqual({
      ...{ outcome: 'unchanged', problems: [], changes: [], needsRestart: [] },
      warnings: [remark],
    });
  }
  const told = () => system.lines().filter(({ message }) => message.includes('is not used'));
  await expect.poll(told).toHaveLength(2); // at the start, and when it was read again
});

it('a file with mistakes changes nothing, and every mistake is told', async () => {
  const world = await start(1);
  await world.change({ key_selection_strategy: 'best', free_only: 7, keys: ['not-a-key'] });
  const { outcome, problems } = await world.reload();
  expect(outcome).toBe('refused');
  expect(problems).toHaveLength(3);
  await world.spoil('openrouter: [');
  expect((await world.reload()).outcome).toBe('refused');
  expect((await ask(world)).status).toBe(200);
});

it('a file that is no YAML is told by its first mistake alone', async () => {
  const world = await start(1);
  await world.spoil('server:\n\tport: 1\n\thost: "x\nopenrouter: ][\n');
  expect(await world.reload()).toMatchObject({
    outcome: 'refused',
    problems: [
      expect.stringMatching(/config\.yml cannot be read:$/),
      expect.stringMatching(/config\.yml:2:1: a tab: indent with spaces$/),
    ],
  });
});

it.each([
  { how: 'named', variables: {} },
  { how: 'found in the working directory', variables: { OPENROUTER_KEYS: newKey() } },
])('a file that was $how and is gone changes nothing', async ({ how, variables }) => {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  const folder = await temporaryFolder();
  const openrouter = { base_url: fake.url, keys: [fake.addKey().secret] };
  const system = await startSystem({
    ...{ settings: { openrouter }, folder, environment: variables, isNamed: how === 'named' },
  });
  const operator = await operatorOf(system);
  await rm(path.join(folder, 'config.yml'));
  expect(await operator.call('service.reload', { dryRun: false })).toMatchObject({
    outcome: 'refused',
    problems: [
      expect.stringContaining(
        'config.yml, which the launcher was started with, is no longer there',
      ),
    ],
  });
});

it('access keys, models, limits and log levels take effect with SIGHUP too', async () => {
  const world = await start(1);
  const { system } = world;
  const other = 'another-access-key-of-some-length';
  await world.change({ free_only: true }, { access_key: other, log_level: 'WARNING' });
  process.kill(system.launcher, 'SIGHUP');
  await expect.poll(async () => (await ask(world)).status).toBe(401);
  const refused = await ask(world, {}, other);
  expect(refused.status).toBe(403);
  expect(system.output()).not.toContain(other);
});

it('a restarted child gets the latest configuration', async () => {
  const world = await start(2);
  const { fake, system } = world;
  const third = fake.addKey().secret;
  await world.change({ keys: [third] });
  await world.reload();
  for (const child of ['kms', 'gateway'] as const) await killChild(system.launcher, child);
  await expect.poll(async () => (await ask(world).catch(() => undefined))?.status).toBe(200);
  const last = fake.requests.records.filter(({ method }) => method === 'POST').at(-1);
  expect(last?.key).toBe('key-3');
});

it('a child that is being started while the configuration is read again is told of it', async () => {
  const world = await start(1);
  const { system } = world;
  const gateway = () => childOf(system.launcher, 'gateway')?.pid;
  const before = gateway() ?? NaN;
  process.kill(before, 'SIGKILL');
  await expect.poll(() => ![undefined, before].includes(gateway()), { interval: 5 }).toBe(true);
  const other = 'another-access-key-of-some-length';
  await world.change({}, { access_key: other });
  expect((await world.reload()).outcome).toBe('applied');
  const status = async (accessKey?: string) =>
    (await ask(world, {}, accessKey).catch(() => undefined))?.status;
  await expect.poll(() => status(other)).toBe(200);
  expect(await status()).toBe(401);
});

it(`nothing is dropped by ${RELOADS} changes under ${STREAMS} streams, and new requests see the new state`, async () => {
  const world = await start(6);
  const { fake, system } = world;
  const secrets = fake.keys.map(({ secret }) => secret);
  fake.rules.add({
    match: { model: 'openai/gpt-4o-mini' },
    fault: { kind: 'delay', eventMs: 4_000 },
  });
  const streams = Array.from({ length: STREAMS }, async () => {
    const answer = await ask(world, { stream: true, model: 'openai/gpt-4o-mini' });
    return [answer.status, (await answer.text()).includes('[DONE]')];
  });
  await expect
    .poll(() => fake.requests.records.filter(({ method }) => method === 'POST').length)
    .toBe(STREAMS);
  let slowest = 0;
  for (let turn = 0; turn < RELOADS; turn += 1) {
    if (turn % 10 === 9) {
      await world.spoil(`server: { port: "turn ${turn}"`);
      expect((await world.reload()).outcome).toBe('refused');
      continue;
    }
    const key = secrets[turn % secrets.length];
    const limits = { max_attempts: 3 + (turn % 4), cache_ttl: 10 + turn };
    await world.change({ keys: [key], ...limits }, { log_level: turn % 2 ? 'DEBUG' : 'INFO' });
    const startedAt = performance.now();
    expect((await world.reload()).outcome).toBe('applied');
    const answer = await ask(world);
    slowest = Math.max(slowest, performance.now() - startedAt);
    expect(answer.status).toBe(200);
    const last = fake.requests.records.filter(({ model }) => model === PAID_MODEL).at(-1);
    expect(last?.key).toBe(fake.keys[turn % secrets.length]?.name);
  }
  console.log(
    `${RELOADS} changes; a new request served under the new state after ${Math.round(slowest)} ms at most`,
  );
  const ended = await Promise.all(streams);
  expect(ended).toEqual(Array(STREAMS).fill([200, true]));
  expect(system.lines().filter(({ level }) => level === 'CRITICAL')).toEqual([]);
});
