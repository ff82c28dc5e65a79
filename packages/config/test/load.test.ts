import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { load, newKey, temporaryFolder } from './support.ts';

const revealed = (secrets: readonly { secret: { reveal(): string } }[]) =>
  secrets.map(({ secret }) => secret.reveal());

test('without a file, the environment and the defaults are enough', async () => {
  const key = newKey();
  const cwd = await temporaryFolder();
  const { config, file, warnings } = await load(null, { cwd, env: { OPENROUTER_KEYS: key } });
  expect(file).toBeNull();
  expect(warnings).toEqual([]);
  expect(revealed(config.openrouter.keys)).toEqual([key]);
  expect(config).toMatchObject({
    server: {
      host: '127.0.0.1',
      port: 5555,
      access_key: null,
      access_keys: [],
      log_level: 'INFO',
      http_log_level: 'INFO',
      log_format: 'auto',
      max_body_size: 64 * 1024 * 1024,
      spool_size: 1024 ** 3,
      shutdown_grace: 30_000,
      metrics_public: false,
      enable_system_metrics: true,
    },
    openrouter: {
      keys: [{ name: 'key-1', maxConcurrency: null }],
      base_url: 'https://openrouter.ai/api/v1',
      public_endpoints: ['/api/v1/models'],
      enable_cache: true,
      cache_ttl: 300_000,
      key_selection_strategy: 'round-robin',
      key_selection_opts: [],
      rate_limit_cooldown: 14_400_000,
      free_only: false,
      google_rate_delay: 0,
      max_attempts: null,
      deadline: 600_000,
      connect_timeout: 10_000,
      first_byte_timeout: 300_000,
      idle_timeout: 300_000,
      keepalive_after: 30_000,
    },
    requestProxy: null,
    kms: { socket: join(cwd, '.openrouter-proxy/kms.sock'), access: 'owner' },
    state_dir: join(cwd, '.openrouter-proxy'),
  });
});

test('sections that are there but empty have their defaults', async () => {
  const { config } = await load(
    `server:\nopenrouter: { keys: [${newKey()}] }\nkms:\nrequestProxy:\n`,
  );
  expect(config.server.port).toBe(5555);
  expect(config.requestProxy).toBeNull();
});

test('the file named on the command line comes before the one named by the environment', async () => {
  const cwd = await temporaryFolder();
  const keys = `openrouter: { keys: [${newKey()}] }`;
  for (const [name, port] of Object.entries({ 'config.yml': 1, 'env.yml': 2, 'argv.yml': 3 })) {
    await writeFile(join(cwd, name), `${keys}\nserver: { port: ${port} }\n`);
  }
  const env = { OPENROUTER_PROXY_CONFIG: 'env.yml' };
  const loaded = [
    await load(null, { cwd }),
    await load(null, { cwd, env: { OPENROUTER_PROXY_CONFIG: '' } }),
    await load(null, { cwd, env }),
    await load(null, { cwd, env, path: 'argv.yml' }),
  ];
  expect(loaded.map(({ config }) => config.server.port)).toEqual([1, 1, 2, 3]);
  expect(loaded.at(-1)?.file).toBe(join(cwd, 'argv.yml'));
});

test('relative paths start from the folder of the file', async () => {
  const cwd = await temporaryFolder();
  const key = newKey();
  await mkdir(join(cwd, 'etc'));
  await writeFile(join(cwd, 'etc/key.txt'), `${key}\n`, { mode: 0o600 });
  await writeFile(
    join(cwd, 'etc/proxy.yml'),
    'openrouter: { keys: [{ key_file: key.txt }] }\nstate_dir: state\n',
  );
  const { config } = await load(null, { cwd, path: 'etc/proxy.yml' });
  expect(config.state_dir).toBe(join(cwd, 'etc/state'));
  expect(config.kms.socket).toBe(join(cwd, 'etc/state/kms.sock'));
  expect(revealed(config.openrouter.keys)).toEqual([key]);
});

test('systemd says where state belongs, unless the file does', async () => {
  const keys = `openrouter: { keys: [${newKey()}] }\n`;
  const env = { STATE_DIRECTORY: '/var/lib/proxy:/var/lib/other' };
  expect((await load(keys, { env })).config.state_dir).toBe('/var/lib/proxy');
  expect((await load(`${keys}state_dir: /srv/state\n`, { env })).config.state_dir).toBe(
    '/srv/state',
  );
});

test('keys of the environment replace those of the file, placeholders included', async () => {
  const [one, two, three] = [newKey(), newKey(), newKey()];
  const yaml = 'openrouter: { keys: [sk-or-v1-your-first-api-key] }\n';
  const env = { OPENROUTER_KEYS: `${one}, ${two}\n${three}\n` };
  const { config, origin } = await load(yaml, { env });
  expect(revealed(config.openrouter.keys)).toEqual([one, two, three]);
  expect(origin.keys).toBe('environment');
});

test('a setting of the file that is overridden from outside causes a warning', async () => {
  const yaml = `openrouter:\n  keys: [${newKey()}]\nserver:\n  access_key: access-key-of-the-file\n`;
  const env = { OPENROUTER_KEYS: newKey(), OPENROUTER_PROXY_ACCESS_KEY: 'of-the-environment' };
  expect((await load(yaml, { env })).warnings).toEqual([
    'config.yml:2: `openrouter.keys` is not used: OPENROUTER_KEYS comes before it; change that and restart, or move the keys into the file',
    'config.yml:4: `server.access_key` is not used: OPENROUTER_PROXY_ACCESS_KEY comes before it; change that and restart, or move the access key into the file',
  ]);
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'openrouter_keys'), newKey());
  const ofSystemd = await load(yaml, { env: { CREDENTIALS_DIRECTORY: folder } });
  expect(ofSystemd.warnings).toEqual([
    'config.yml:2: `openrouter.keys` is not used: the credential openrouter_keys, which systemd reads at the start only, comes before it; change that and restart, or move the keys into the file',
  ]);
});

test('a file without keys causes no warning when the environment has keys', async () => {
  const env = { OPENROUTER_KEYS: newKey() };
  for (const yaml of ['openrouter:\n', 'openrouter: { keys: }\n', 'openrouter: { keys: [] }\n']) {
    expect((await load(yaml, { env })).warnings).toEqual([]);
  }
});

test('an empty variable of keys is as good as none', async () => {
  const key = newKey();
  const env = { OPENROUTER_KEYS: ' \n' };
  const { config, origin } = await load(`openrouter: { keys: [${key}] }\n`, { env });
  expect(revealed(config.openrouter.keys)).toEqual([key]);
  expect(origin.keys).toBe('file');
});

test('the access key of the environment replaces that of the file, its placeholder included', async () => {
  const yaml = `openrouter: { keys: [${newKey()}] }\nserver: { access_key: your_local_access_key_here }\n`;
  const env = { OPENROUTER_PROXY_ACCESS_KEY: 'from-the-environment' };
  const { config, origin } = await load(yaml, { env });
  expect(config.server.access_key?.reveal()).toBe('from-the-environment');
  expect(origin.accessKey).toBe('environment');
});

test('the address of Redis in the environment replaces that of the file', async () => {
  const yaml = `openrouter: { keys: [${newKey()}] }\nstate: { backend: redis, redis: { url: http://wrong } }\n`;
  const env = { REDIS_URL: 'rediss://user:from-the-environment@redis.example/2' };
  const { config, secretsInEnvironment } = await load(yaml, { env });
  const { state } = config;
  expect(state.backend === 'redis' && state.url.reveal()).toBe(env.REDIS_URL);
  expect(secretsInEnvironment).toEqual(['REDIS_URL']);
  expect(JSON.stringify(config)).not.toContain('from-the-environment');
});

test('the address of a Redis that is not used may be anything', async () => {
  const env = { REDIS_URL: 'of something else' };
  const { config } = await load(`openrouter: { keys: [${newKey()}] }\n`, { env });
  expect(config.state).toEqual({ backend: 'embedded' });
});

test('credentials of systemd come before the environment and the file', async () => {
  const folder = await temporaryFolder();
  const [one, two] = [newKey(), newKey()];
  await writeFile(join(folder, 'openrouter_keys'), `${one}\n${two}\n`);
  await writeFile(join(folder, 'access_key'), 'from-the-credentials\n');
  const env = {
    CREDENTIALS_DIRECTORY: folder,
    OPENROUTER_KEYS: newKey(),
    OPENROUTER_PROXY_ACCESS_KEY: 'from-the-environment',
  };
  const { config, origin } = await load('server: { access_key: from-the-file }\n', { env });
  expect(revealed(config.openrouter.keys)).toEqual([one, two]);
  expect(config.server.access_key?.reveal()).toBe('from-the-credentials');
  expect(origin).toEqual({ keys: 'credentials', accessKey: 'credentials' });
});

test('keys of a list may have names, and comments beside them', async () => {
  const folder = await temporaryFolder();
  const [one, two, three] = [newKey(), newKey(), newKey()];
  const list = `# keys of the team\n\nann = ${one}\n${two}  # nobody's\nbob=${three}\n`;
  await writeFile(join(folder, 'openrouter_keys'), list);
  for (const env of [{ CREDENTIALS_DIRECTORY: folder }, { OPENROUTER_KEYS: list }]) {
    const { config, warnings } = await load(null, { env });
    expect(revealed(config.openrouter.keys)).toEqual([one, two, three]);
    expect(config.openrouter.keys.map(({ name }) => name)).toEqual(['ann', 'key-2', 'bob']);
    expect(warnings).toEqual([]);
  }
});

test('a list with nothing but comments stands for none', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'openrouter_keys'), '# put your keys here, one a line\n');
  const one = newKey();
  const env = { CREDENTIALS_DIRECTORY: folder, OPENROUTER_KEYS: one };
  expect(revealed((await load(null, { env })).config.openrouter.keys)).toEqual([one]);
});

test('a key file may have comments, and a name, which the entry may replace', async () => {
  const cwd = await temporaryFolder();
  const [one, two] = [newKey(), newKey()];
  await writeFile(join(cwd, 'ann.txt'), `# made on Monday\nann = ${one}\n`);
  const yaml = `openrouter: { keys: [{ key_file: ann.txt }, { key_env: KEY }] }\n`;
  const { config } = await load(yaml, { cwd, env: { KEY: `bob = ${two}` } });
  expect(revealed(config.openrouter.keys)).toEqual([one, two]);
  expect(config.openrouter.keys.map(({ name }) => name)).toEqual(['ann', 'bob']);
  const named = `openrouter: { keys: [{ key_file: ann.txt, name: anna }] }\n`;
  expect((await load(named, { cwd })).config.openrouter.keys[0]?.name).toBe('anna');
});

test('a key file that every user of the machine can read is a warning, as the configuration is', async () => {
  const cwd = await temporaryFolder();
  const file = join(cwd, 'ann.txt');
  const yaml = 'openrouter: { keys: [{ key_file: ann.txt }] }\n';
  await writeFile(file, newKey());
  await chmod(file, 0o644);
  expect((await load(yaml, { cwd })).warnings).toEqual([
    `config.yml:1: openrouter.keys[0].key_file: every user of this machine can read ${file}: run \`chmod 600 ${file}\``,
  ]);
  await chmod(file, 0o600);
  expect((await load(yaml, { cwd })).warnings).toEqual([]);
});

test('an empty credential stands for none', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'openrouter_keys'), '\n');
  await writeFile(join(folder, 'access_key'), '');
  const one = newKey();
  const yaml = `openrouter: { keys: [${one}] }\nserver: { access_key: from-the-file }\n`;
  const { config, origin } = await load(yaml, { env: { CREDENTIALS_DIRECTORY: folder } });
  expect(revealed(config.openrouter.keys)).toEqual([one]);
  expect(config.server.access_key?.reveal()).toBe('from-the-file');
  expect(origin).toEqual({ keys: 'file', accessKey: 'file' });
});

test('a socket for the group comes from the environment, and before the one of the file', async () => {
  const yaml = `openrouter: { keys: [${newKey()}] }\nkms: { socket: here.sock }\n`;
  const env = { OPENROUTER_PROXY_GROUP_SOCKET: '/run/openrouter-proxy/kms.sock' };
  const { config } = await load(yaml, { env });
  expect(config.kms).toEqual({ socket: '/run/openrouter-proxy/kms.sock', access: 'group' });
});

test('a credentials folder without our files changes nothing', async () => {
  const env = { CREDENTIALS_DIRECTORY: await temporaryFolder(), OPENROUTER_KEYS: newKey() };
  const { origin } = await load(null, { env });
  expect(origin).toEqual({ keys: 'environment', accessKey: null });
});

test('every variable that holds a secret is named, used or not', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'access_key'), 'from-the-credentials');
  const yaml = 'openrouter: { keys: [{ key_env: TEAM_KEY }] }\n';
  const env = {
    CREDENTIALS_DIRECTORY: folder,
    OPENROUTER_PROXY_ACCESS_KEY: 'unused',
    TEAM_KEY: newKey(),
    HOME: '/root',
  };
  const { secretsInEnvironment } = await load(yaml, { env });
  expect(secretsInEnvironment).toEqual(['OPENROUTER_PROXY_ACCESS_KEY', 'TEAM_KEY']);
});

test('an entry can name its key, and say where it is and how often it may be used', async () => {
  const cwd = await temporaryFolder();
  const [given, filed, exported] = [newKey(), newKey(), newKey()];
  await writeFile(join(cwd, 'key.txt'), `  ${filed}\r\n`, { mode: 0o600 });
  const yaml = `
openrouter:
  keys:
    - { key: ${given}, name: given, max_concurrency: 2 }
    - { key_file: key.txt }
    - { key_env: TEAM_KEY, name: team@home }
`;
  const { config } = await load(yaml, { cwd, env: { TEAM_KEY: exported } });
  expect(revealed(config.openrouter.keys)).toEqual([given, filed, exported]);
  expect(config.openrouter.keys).toMatchObject([
    { name: 'given', maxConcurrency: 2 },
    { name: 'key-2', maxConcurrency: null },
    { name: 'team@home', maxConcurrency: null },
  ]);
});

test('a key that stands twice is left out, with a warning', async () => {
  const [key, other] = [newKey(), newKey()];
  const yaml = `openrouter:\n  keys:\n    - ${key}\n    - ${other}\n    - { key: ${key}, name: again }\n`;
  const { config, warnings } = await load(yaml);
  expect(revealed(config.openrouter.keys)).toEqual([key, other]);
  expect(warnings).toEqual([
    'config.yml:5: openrouter.keys[2]: is left out: it is the same key as openrouter.keys[0]',
  ]);
});

test('a key of an unlikely form is taken, with a warning that does not quote it', async () => {
  const cut = newKey().slice(0, -1);
  const others = ['sk-or-v2-abcdefgh', `sk-or-v1-${'x'.repeat(64)}`];
  const yaml = `openrouter:\n  keys:\n    - ${newKey()}\n    - { name: cut, key: ${cut} }\n`;
  const text =
    'does not look like an OpenRouter key (sk-or-v1- and 64 hexadecimal digits): was it cut?';
  const ofFile = await load(yaml);
  expect(ofFile.config.openrouter.keys).toHaveLength(2);
  expect(ofFile.warnings).toEqual([`config.yml:4: openrouter.keys[1]: ${text}`]);
  const env = { OPENROUTER_KEYS: others.join(',') };
  expect((await load(null, { env })).warnings).toEqual([
    `OPENROUTER_KEYS: key 1 ${text}`,
    `OPENROUTER_KEYS: key 2 ${text}`,
  ]);
});

test('a file with secrets that everybody can read is warned about', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'config.yml'), `openrouter: { keys: [${newKey()}] }\n`);
  await chmod(join(cwd, 'config.yml'), 0o644);
  const { warnings } = await load(null, { cwd });
  expect(warnings).toEqual([
    'config.yml holds secrets, and every user of this machine can read it: run `chmod 600 config.yml`',
  ]);
});

test('a file without secrets may be read by everybody', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'config.yml'), 'server: { port: 1 }\n');
  await chmod(join(cwd, 'config.yml'), 0o644);
  const { warnings } = await load(null, { cwd, env: { OPENROUTER_KEYS: newKey() } });
  expect(warnings).toEqual([]);
});

test('keys that only older versions understand are accepted, with a warning', async () => {
  const yaml = `
openrouter: { keys: [${newKey()}] }
kms:
  host: 0.0.0.0
  port: 5556
`;
  expect((await load(yaml)).warnings).toEqual([
    'config.yml:4: kms.host: has no effect: the key service listens on a Unix socket, see `kms.socket`',
    'config.yml:5: kms.port: has no effect: the key service listens on a Unix socket, see `kms.socket`',
  ]);
});

test('the delay counts under each of its names', async () => {
  const keys = `openrouter:\n  keys: [${newKey()}]\n`;
  const delayOf = async (line: string) =>
    (await load(`${keys}  ${line}\n`)).config.openrouter.google_rate_delay;
  expect(await delayOf('google_rate_delay: 2')).toBe(2_000);
  expect(await delayOf('global_rate_delay: 3')).toBe(3_000);
  expect(await delayOf('google_rate_delay: 4\n  global_rate_delay: 4s')).toBe(4_000);
});

test('public endpoints are brought into one form, and empty ones passed over', async () => {
  const yaml = `openrouter:\n  keys: [${newKey()}]\n  public_endpoints: [api/v1/models/, /v1/models/user, "", ~]\n`;
  const { config } = await load(yaml);
  expect(config.openrouter.public_endpoints).toEqual(['/api/v1/models', '/api/v1/models/user']);
});

test('an enabled proxy may be of each kind', async () => {
  for (const scheme of ['http', 'https', 'socks4', 'socks5', 'socks5h']) {
    const url = `${scheme}://user:p%40ss@proxy.example:1080`;
    const yaml = `openrouter: { keys: [${newKey()}] }\nrequestProxy: { enabled: true, url: "${url}" }\n`;
    expect((await load(yaml)).config.requestProxy?.reveal()).toBe(url);
  }
});

test('nothing of a secret shows when a loaded configuration is printed', async () => {
  const key = newKey();
  const yaml = `
openrouter: { keys: [${key}] }
server:
  access_key: hunter2hunter2
  access_keys: [{ name: laptop, key: hunter3hunter3 }]
requestProxy: { enabled: true, url: "socks5://user:hunter4hunter4@proxy:1080" }
`;
  const loaded = await load(yaml);
  const printed = inspect(loaded, { depth: Infinity }) + JSON.stringify(loaded);
  expect(printed).not.toMatch(/hunter|sk-or-/);
});
