import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keyIdOf, loadConfig, type Config } from '@openrouter-proxy/config';
import { Secret } from '@openrouter-proxy/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { configChanges, withFixedSettings } from './config-changes.ts';

const newKey = () => `sk-or-v1-${randomBytes(32).toString('hex')}`;

async function configOf(settings: object): Promise<Config> {
  const folder = await mkdtemp(path.join(tmpdir(), 'changes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'config.yml');
  await writeFile(file, JSON.stringify({ state_dir: '/tmp/somewhere', ...settings }), {
    mode: 0o600,
  });
  return (await loadConfig({ path: file, env: {}, cwd: folder })).config;
}

const idOf = (secret: string) => keyIdOf(new Secret(secret));

const [ONE, TWO, THREE] = [newKey(), newKey(), newKey()];

test('a configuration does not differ from itself', async () => {
  const settings = { openrouter: { keys: [ONE] }, server: { access_key: 'a'.repeat(40) } };
  const [before, after] = [await configOf(settings), await configOf(settings)];
  expect(configChanges(before, after)).toEqual({ changes: [], needsRestart: [] });
});

test('keys are matched by their secrets, not by names or positions', async () => {
  const before = await configOf({ openrouter: { keys: [ONE, { key: TWO, name: 'two' }] } });
  const after = await configOf({
    openrouter: {
      keys: [
        { key: TWO, name: 'zwei', max_concurrency: 5 },
        { key: THREE, name: 'three' },
      ],
    },
  });
  expect(configChanges(before, after).changes).toEqual([
    { setting: 'openrouter.keys.key-1', change: 'removed', detail: idOf(ONE) },
    {
      setting: 'openrouter.keys.zwei',
      change: 'changed',
      detail: `${idOf(TWO)}: two is called zwei now, max_concurrency null → 5`,
    },
    { setting: 'openrouter.keys.three', change: 'added', detail: idOf(THREE) },
  ]);
});

test('a key that keeps its name is named with its id', async () => {
  const before = await configOf({ openrouter: { keys: [ONE] } });
  const after = await configOf({ openrouter: { keys: [{ key: ONE, account: 'team' }] } });
  expect(configChanges(before, after).changes).toEqual([
    {
      setting: 'openrouter.keys.key-1',
      change: 'changed',
      detail: `key-1 (${idOf(ONE)}): account null → "team"`,
    },
  ]);
});

test('changed settings are listed with old and new value', async () => {
  const keys = [ONE];
  const before = await configOf({ openrouter: { keys } });
  const after = await configOf({
    openrouter: { keys, free_only: true, queue_timeout: '5s' },
    server: { log_level: 'DEBUG' },
  });
  expect(configChanges(before, after).changes).toEqual([
    { setting: 'server.log_level', change: 'changed', detail: '"INFO" → "DEBUG"' },
    { setting: 'openrouter.free_only', change: 'changed', detail: 'false → true' },
    { setting: 'openrouter.queue_timeout', change: 'changed', detail: '0 → 5000' },
  ]);
});

test('added, removed and changed clients are listed', async () => {
  const secret = (letter: string) => letter.repeat(40);
  const configWith = (access_keys: object[]) =>
    configOf({ openrouter: { keys: [ONE] }, server: { access_key: secret('x'), access_keys } });
  const [anna, boris, carla] = ['anna', 'boris', 'carla'].map((name) => ({
    name,
    key: secret(name.charAt(0)),
  }));
  const before = await configWith([{ ...anna }, { ...boris }]);
  const after = await configWith([{ ...carla }, { ...boris, key: secret('d') }]);
  expect(configChanges(before, after)).toEqual({
    changes: [
      { setting: 'server.access_keys.anna', change: 'removed', detail: '' },
      { setting: 'server.access_keys.carla', change: 'added', detail: '' },
      { setting: 'server.access_keys.boris', change: 'changed', detail: 'another secret' },
    ],
    needsRestart: [],
  });
  const moved = await configWith([{ ...boris }, { ...anna }]);
  expect(configChanges(before, moved).changes).toEqual([]);
});

test('changes hold no secret', async () => {
  const [first, second] = ['canary-one-'.repeat(4), 'canary-two-'.repeat(4)];
  const settings = (secret: string) => ({
    openrouter: { keys: [ONE] },
    server: { access_key: secret, access_keys: [{ name: 'n', key: `${secret}x` }] },
    requestProxy: { enabled: true, url: `http://user:${secret}@proxy.example:8080` },
  });
  const found = configChanges(await configOf(settings(first)), await configOf(settings(second)));
  expect(found.changes.map(({ setting }) => setting)).toEqual([
    'server.access_keys.n',
    'server.access_key',
    'requestProxy',
  ]);
  expect(JSON.stringify(found)).not.toContain('canary');
});

test('settings that need a restart are listed, and keep their value', async () => {
  const before = await configOf({ openrouter: { keys: [ONE] } });
  const after = await configOf({
    openrouter: { keys: [ONE] },
    server: { host: '0.0.0.0', port: 1, log_format: 'json', enable_system_metrics: false },
    kms: { socket: '/tmp/other.sock' },
    state_dir: '/tmp/elsewhere',
  });
  expect(configChanges(before, after)).toEqual({
    changes: [],
    needsRestart: [
      'server.host',
      'server.port',
      'server.log_format',
      'server.enable_system_metrics',
      'kms.socket',
      'state_dir',
    ],
  });
  expect(configChanges(before, withFixedSettings(before, after)).needsRestart).toEqual([]);
});
