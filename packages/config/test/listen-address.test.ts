import { expect, test } from 'vitest';
import { load, newKey, problemsOf } from './support.ts';

const YAML = `openrouter: { keys: [${newKey()}] }\nserver: { host: 127.0.0.2, port: 1111 }\n`;

async function listens(...options: Parameters<typeof load>) {
  const { config, settings, warnings } = await load(...options);
  const { host, port } = config.server;
  const origins = settings
    .filter(({ setting }) => ['server.host', 'server.port'].includes(setting))
    .map(({ value, origin, place }) => [value, origin, place]);
  return { host, port, origins, warnings };
}

test('the file says where to listen if nothing else does', async () => {
  expect(await listens(YAML)).toEqual({
    ...{ host: '127.0.0.2', port: 1111, warnings: [] },
    origins: [
      ['127.0.0.2', 'file', 'config.yml'],
      ['1111', 'file', 'config.yml'],
    ],
  });
});

test('the variable PORT comes before the file, which is told', async () => {
  expect(await listens(YAML, { env: { PORT: '2222' } })).toEqual({
    ...{ host: '127.0.0.2', port: 2222 },
    warnings: [
      'config.yml:2: `server.port` is not used: PORT comes before it; change that and restart, or move the port into the file',
    ],
    origins: [
      ['127.0.0.2', 'file', 'config.yml'],
      ['2222', 'environment', 'PORT'],
    ],
  });
});

test('PORT with the value of the file, or empty, is not worth a warning', async () => {
  expect(await listens(YAML, { env: { PORT: '1111' } })).toMatchObject({ warnings: [] });
  expect(await listens(YAML, { env: { PORT: '' } })).toMatchObject({ port: 1111, warnings: [] });
});

test('the options --host and --port come before PORT and the file, without a warning', async () => {
  const listen = { host: '::1', port: '3333' };
  expect(await listens(YAML, { env: { PORT: '2222' }, listen })).toEqual({
    ...{ host: '::1', port: 3333, warnings: [] },
    origins: [
      ['::1', 'option', '--host'],
      ['3333', 'option', '--port'],
    ],
  });
});

test('an option or a variable that cannot be used is named in the problem', async () => {
  const port = 'must be a whole number from 0 to 65535, got';
  const listen = { host: '', port: '65536' };
  expect(await problemsOf(YAML, { listen })).toEqual([
    '--host: must be a host name or an IP address, got ""',
    `--port: ${port} 65536`,
  ]);
  expect(await problemsOf(YAML, { env: { PORT: 'http' } })).toEqual([`PORT: ${port} "http"`]);
});

const trusting = (...blocks: string[]) =>
  `openrouter: { keys: [${newKey()}] }\nserver: { trusted_proxies: ${JSON.stringify(blocks)} }\n`;

test('trusted proxies are addresses and blocks of both families', async () => {
  const blocks = ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'];
  expect((await load(trusting(...blocks))).config.server.trusted_proxies).toEqual(blocks);
});

test('a trusted proxy that is IPv4 in an IPv6 spelling is IPv4', async () => {
  const { config } = await load(trusting('::ffff:10.1.2.3', '::ffff:10.0.0.0/104'));
  expect(config.server.trusted_proxies).toEqual(['10.1.2.3', '10.0.0.0/8']);
});

test.each([
  ...[
    '0.0.0.0/0',
    '::ffff:10.0.0.0/96',
    '::/0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/1e1',
  ],
  ...['10.0.0', 'fe80::1%eth0', 'proxy.example', '*', ''],
])('%s is no trusted proxy', async (block) => {
  expect(await problemsOf(trusting(block))).toEqual([
    `config.yml:2: server.trusted_proxies[0]: must be an IP address or a CIDR block such as \`10.0.0.0/8\`, and not all addresses, got ${JSON.stringify(block)}`,
  ]);
});
