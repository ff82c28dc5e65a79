import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { load, newKey, problemsOf, temporaryFolder } from './support.ts';

const KEY = newKey();
const SHORT = 'fifteen-letters';
const LONG = 'sixteen--letters';
const server = (...lines: string[]) =>
  ['openrouter:', `  keys: [${KEY}]`, 'server:', ...lines.map((line) => `  ${line}`), ''].join(
    '\n',
  );
const refused = (host: string, place = 'server.host') =>
  `has fewer than 16 characters, and \`${place}\` ${host} lets other machines guess it: make a longer one with \`openssl rand -hex 32\``;
const WARNED =
  'has fewer than 16 characters and is easy to guess: make a longer one with `openssl rand -hex 32`';

test('a short access key is a warning where only this machine can try keys', async () => {
  for (const host of ['127.0.0.1', 'localhost', '"::1"']) {
    const { warnings } = await load(server(`host: ${host}`, `access_key: ${SHORT}`));
    expect(warnings).toEqual([`config.yml:5: server.access_key: ${WARNED}`]);
  }
});

test('a short access key is refused where other machines can try keys', async () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.7', 'gateway.example']) {
    const yaml = server(`host: "${host}"`, `access_key: ${SHORT}`);
    expect(await problemsOf(yaml)).toEqual([`config.yml:5: server.access_key: ${refused(host)}`]);
  }
});

test('a short access key is refused under the name of the option that opens the gateway', async () => {
  expect(await problemsOf(server(`access_key: ${SHORT}`), { listen: { host: '0.0.0.0' } })).toEqual(
    [`config.yml:4: server.access_key: ${refused('0.0.0.0', '--host')}`],
  );
});

test('every short key of a further client is refused, each with its place', async () => {
  const entry = (name: string, key: string) => `  - { name: ${name}, key: ${key} }`;
  const entries = [entry('a', SHORT), entry('b', LONG), entry('c', 'x')];
  expect(await problemsOf(server('host: 0.0.0.0', 'access_keys:', ...entries))).toEqual([
    `config.yml:6: server.access_keys[0].key: ${refused('0.0.0.0')}`,
    `config.yml:8: server.access_keys[2].key: ${refused('0.0.0.0')}`,
  ]);
});

test('an access key of 16 characters is taken everywhere without a warning', async () => {
  expect((await load(server('host: 0.0.0.0', `access_key: ${LONG}`))).warnings).toEqual([]);
});

test('a short access key of the environment is refused under the name of its variable', async () => {
  const env = { OPENROUTER_PROXY_ACCESS_KEY: SHORT };
  expect(await problemsOf(server('host: 0.0.0.0'), { env })).toEqual([
    `OPENROUTER_PROXY_ACCESS_KEY: ${refused('0.0.0.0')}`,
  ]);
});

test("a short access key of systemd's credentials is refused under the path of its file", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'access_key'), SHORT);
  const env = { CREDENTIALS_DIRECTORY: folder };
  expect(await problemsOf(server('host: 0.0.0.0'), { env })).toEqual([
    `${join(folder, 'access_key')}: ${refused('0.0.0.0')}`,
  ]);
});

test('the host of the command line decides, and not the one it replaces', async () => {
  const yaml = server('host: 127.0.0.1', `access_key: ${SHORT}`);
  expect(await problemsOf(yaml, { listen: { host: '0.0.0.0' } })).toEqual([
    `config.yml:5: server.access_key: ${refused('0.0.0.0', '--host')}`,
  ]);
});

test('a short access key is refused while a running gateway listens where others reach it', async () => {
  const yaml = server('host: 127.0.0.1', `access_key: ${SHORT}`);
  expect(await problemsOf(yaml, { boundHost: '0.0.0.0' })).toEqual([
    `config.yml:5: server.access_key: ${refused('0.0.0.0')}`,
  ]);
});

test('no message about a short access key quotes it', async () => {
  const yaml = (host: string) => server(`host: ${host}`, 'access_key: "q7Zx"');
  const { warnings } = await load(yaml('127.0.0.1'));
  expect([...warnings, ...(await problemsOf(yaml('0.0.0.0')))].join('\n')).not.toContain('q7Zx');
});
