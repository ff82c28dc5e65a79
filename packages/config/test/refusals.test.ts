import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKey, problemsOf, temporaryFolder } from './support.ts';

const KEY = newKey();

/** A file that is all right but for what the test adds to it. */
const server = (line: string) => `openrouter: { keys: [${KEY}] }\nserver:\n  ${line}\n`;
const openrouter = (line: string) => `openrouter:\n  keys: [${KEY}]\n  ${line}\n`;
const keys = (...entries: string[]) =>
  `openrouter:\n  keys:\n${entries.map((entry) => `    - ${entry}\n`).join('')}`;
const other = (...lines: string[]) => `openrouter: { keys: [${KEY}] }\n${lines.join('\n')}\n`;

const LEVELS = 'one of `CRITICAL`, `ERROR`, `WARNING`, `INFO`, `DEBUG`';
const NOT_A_KEY = 'is not an OpenRouter key: it must start with `sk-or-`';

/** What the address of Redis says, and what is said of it. */
const redisForm =
  'must be redis://host:port/db, rediss://… (TLS), unix:///path, redis+sentinel://host:port,host:port/master/db or redis+cluster://host:port,host:port';

const SETTINGS: Record<string, [yaml: string, problem: string]> = {
  'a port that is a word': [
    server('port: abc'),
    'config.yml:3: server.port: must be a whole number from 0 to 65535, got "abc"',
  ],
  'a port that is too high': [
    server('port: 65536'),
    'config.yml:3: server.port: must be a whole number from 0 to 65535, got 65536',
  ],
  'a negative port': [
    server('port: -1'),
    'config.yml:3: server.port: must be a whole number from 0 to 65535, got -1',
  ],
  'half a port': [
    server('port: 80.5'),
    'config.yml:3: server.port: must be a whole number from 0 to 65535, got 80.5',
  ],
  'no port': [
    server('port:'),
    'config.yml:3: server.port: must be a whole number from 0 to 65535, got nothing',
  ],
  'a URL as host': [
    server('host: http://localhost'),
    'config.yml:3: server.host: must be a host name or an IP address, got "http://localhost"',
  ],
  'a list as host': [
    server('host: [localhost]'),
    'config.yml:3: server.host: must be a host name or an IP address, got a list',
  ],
  'an unknown log level': [
    server('log_level: LOUD'),
    `config.yml:3: server.log_level: must be ${LEVELS}, got "LOUD"`,
  ],
  'a number as log level': [
    server('http_log_level: 3'),
    `config.yml:3: server.http_log_level: must be ${LEVELS}, got 3`,
  ],
  'an unknown log format': [
    server('log_format: xml'),
    'config.yml:3: server.log_format: must be one of `auto`, `json`, `pretty`, got "xml"',
  ],
  'a size in unknown units': [
    server('max_body_size: 5 apples'),
    'config.yml:3: server.max_body_size: must be a size from 1KiB to 1GiB, such as `64MiB`, got "5 apples"',
  ],
  'a size that is too large': [
    server('max_body_size: 2GiB'),
    'config.yml:3: server.max_body_size: must be a size from 1KiB to 1GiB, such as `64MiB`, got "2GiB"',
  ],
  'a grace that is too long': [
    server('shutdown_grace: 2h'),
    'config.yml:3: server.shutdown_grace: must be a duration from 0s to 1h, such as `30s`, got "2h"',
  ],
  'a word as switch': [
    server('metrics_public: maybe'),
    'config.yml:3: server.metrics_public: must be `true` or `false`, got "maybe"',
  ],
  'a number as switch': [
    server('enable_system_metrics: 1'),
    'config.yml:3: server.enable_system_metrics: must be `true` or `false`, got 1',
  ],
  'the placeholder of the access key': [
    server('access_key: your_local_access_key_here'),
    'config.yml:3: server.access_key: is the placeholder of the example: set one, or leave it out to have one made',
  ],
  'an empty access key': [
    server('access_key: ""'),
    'config.yml:3: server.access_key: is empty: set an access key, or leave it out to have one made',
  ],
  'an access key that is left blank': [
    server('access_key:'),
    'config.yml:3: server.access_key: is empty: set an access key, or leave it out to have one made',
  ],
  'an access key that is a number': [
    server('access_key: 12345'),
    'config.yml:3: server.access_key: must be a text: put it in quotes',
  ],
  'an access key with a space': [
    server('access_key: two words'),
    'config.yml:3: server.access_key: must be visible ASCII without spaces, or clients could not send it',
  ],
  'an access key that is too long': [
    server(`access_key: ${'k'.repeat(513)}`),
    'config.yml:3: server.access_key: must have at most 512 characters',
  ],
  'a further client without key': [
    server('access_keys: [{ name: a }]'),
    'config.yml:3: server.access_keys[0].key: is missing: it must be an access key',
  ],
  'a further client without name': [
    server('access_keys: [{ key: abcdef }]'),
    'config.yml:3: server.access_keys[0].name: is missing: it must be a name of 1 to 64 letters, digits, `.`, `_`, `-` or `@`',
  ],
  'a further client that is a text': [
    server('access_keys: [abcdef]'),
    'config.yml:3: server.access_keys[0]: must be a mapping, got a text',
  ],
  'clients that are no list': [
    server('access_keys: abcdef'),
    'config.yml:3: server.access_keys: must be a list, got a text',
  ],
  'two clients of one name': [
    server('access_keys: [{ name: a, key: k1 }, { name: a, key: k2 }]'),
    'config.yml:3: server.access_keys[1].name: `a` is already the name of server.access_keys[0]',
  ],
  'a client of the name that server.access_key has': [
    server('access_keys: [{ name: default, key: k1 }]'),
    'config.yml:3: server.access_keys[0].name: `default` is already the name of server.access_key',
  ],
  'two clients with one key': [
    server('access_keys: [{ name: a, key: k1 }, { name: b, key: k1 }]'),
    'config.yml:3: server.access_keys[1].key: is the same as server.access_keys[0]',
  ],
  'a client with the key of server.access_key': [
    server('access_key: k1\n  access_keys:\n    - name: a\n      key: k1'),
    'config.yml:6: server.access_keys[0].key: is the same as server.access_key',
  ],
  'a section that is a text': [
    other('server: 0.0.0.0'),
    'config.yml:2: server: must be a mapping, got a text',
  ],
  'a section that is a list': [
    other('kms:', '  - socket: x'),
    'config.yml:2: kms: must be a mapping, got a list',
  ],
  'a key without the prefix': [
    keys(KEY, newKey(), '"sk-ant-api03-abcdefg"'),
    `config.yml:5: openrouter.keys[2]: ${NOT_A_KEY}`,
  ],
  'a key that is a placeholder': [
    keys('sk-or-v1-your-first-api-key'),
    'config.yml:3: openrouter.keys[0]: is the placeholder of the example: put your own OpenRouter key here',
  ],
  'a key with white space inside': [
    keys('"sk-or-v1-abc def"'),
    'config.yml:3: openrouter.keys[0]: is not an OpenRouter key: only visible ASCII may follow `sk-or-`',
  ],
  'a key with a control character inside': [
    keys('"sk-or-v1-abc\\rdef"'),
    'config.yml:3: openrouter.keys[0]: is not an OpenRouter key: only visible ASCII may follow `sk-or-`',
  ],
  'two keys with a semicolon between them': [
    keys('sk-or-v1-abc;sk-or-v1-def'),
    'config.yml:3: openrouter.keys[0]: holds more than one key: separate them with commas, spaces or newlines',
  ],
  'a key that is nothing but the prefix': [
    keys('sk-or-'),
    'config.yml:3: openrouter.keys[0]: is not an OpenRouter key: only visible ASCII may follow `sk-or-`',
  ],
  'a key that is too long': [
    keys(`sk-or-${'x'.repeat(507)}`),
    'config.yml:3: openrouter.keys[0]: is not an OpenRouter key: it is longer than 512 characters',
  ],
  'a key that is left blank': [
    keys(''),
    'config.yml:3: openrouter.keys[0]: must be an OpenRouter key, which starts with `sk-or-`',
  ],
  'an entry with two sources': [
    keys(`{ key: ${KEY}, key_env: KEY }`),
    'config.yml:3: openrouter.keys[0]: needs exactly one of `key`, `key_file` and `key_env`',
  ],
  'an entry without a source': [
    keys('{ name: a }'),
    'config.yml:3: openrouter.keys[0]: needs exactly one of `key`, `key_file` and `key_env`',
  ],
  'an entry with an unknown setting': [
    keys(`{ key: ${KEY}, max_concurency: 3 }`),
    'config.yml:3: unknown setting `openrouter.keys[0].max_concurency`; did you mean `max_concurrency`?',
  ],
  'an entry that may do nothing': [
    keys(`{ key: ${KEY}, max_concurrency: 0 }`),
    'config.yml:3: openrouter.keys[0].max_concurrency: must be a whole number from 1 to 10000, got 0',
  ],
  'a key in the place of a name': [
    keys(`{ key: ${KEY}, name: ${newKey()} }`),
    'config.yml:3: openrouter.keys[0].name: must be a name of 1 to 64 letters, digits, `.`, `_`, `-` or `@`, got a text',
  ],
  'a key in the place of a variable': [
    keys(`{ key_env: ${newKey()} }`),
    'config.yml:3: openrouter.keys[0].key_env: must be the name of an environment variable, got a text',
  ],
  'a key in the place of a file': [
    keys(`{ key_file: /${newKey()} }`),
    'config.yml:3: openrouter.keys[0].key_file: /*** does not exist',
  ],
  'a variable that is not set': [
    keys('{ key_env: TEAM_KEY }'),
    'config.yml:3: openrouter.keys[0].key_env: the variable TEAM_KEY is not set',
  ],
  'two keys of one name': [
    keys(`{ key: ${KEY}, name: a }`, `{ key: ${newKey()}, name: a }`),
    'config.yml:4: openrouter.keys[1].name: `a` is already the name of openrouter.keys[0]',
  ],
  'a name that another key has by its position': [
    keys(`{ key: ${KEY}, name: key-2 }`, newKey()),
    'config.yml:4: openrouter.keys[1].name: `key-2` is already the name of openrouter.keys[0]',
  ],
  'keys that are a text': [
    `openrouter:\n  keys: ${KEY}\n`,
    'config.yml:2: openrouter.keys: must be a list, got a text',
  ],
  'a base URL that is none': [
    openrouter('base_url: openrouter.ai'),
    'config.yml:3: openrouter.base_url: must be an http or https URL',
  ],
  'a base URL of another scheme': [
    openrouter('base_url: ftp://openrouter.ai/'),
    'config.yml:3: openrouter.base_url: must be an http or https URL',
  ],
  'a base URL with credentials': [
    openrouter('base_url: https://user:pass@openrouter.ai/api/v1'),
    'config.yml:3: openrouter.base_url: must not hold credentials: keys belong into `openrouter.keys`',
  ],
  'a base URL with a query': [
    openrouter('base_url: https://openrouter.ai/api/v1?a=b'),
    'config.yml:3: openrouter.base_url: must not have a query or a fragment',
  ],
  'a public endpoint that is the whole API': [
    openrouter('public_endpoints: ["/api/v1/"]'),
    'config.yml:3: openrouter.public_endpoints[0]: must be a path such as `/api/v1/models`, and not the whole API, got "/api/v1/"',
  ],
  'a public endpoint that climbs': [
    openrouter('public_endpoints: ["/api/v1/models/../chat"]'),
    'config.yml:3: openrouter.public_endpoints[0]: must be a path such as `/api/v1/models`, and not the whole API, got "/api/v1/models/../chat"',
  ],
  'an unknown strategy': [
    openrouter('key_selection_strategy: fastest'),
    'config.yml:3: openrouter.key_selection_strategy: must be one of `round-robin`, `first`, `random`, `least-busy`, got "fastest"',
  ],
  'an unknown option': [
    openrouter('key_selection_opts: [other]'),
    'config.yml:3: openrouter.key_selection_opts[0]: must be one of `same`, `affinity`, got "other"',
  ],
  'a negative cooldown': [
    openrouter('rate_limit_cooldown: -1'),
    'config.yml:3: openrouter.rate_limit_cooldown: must be a duration from 0s to 720h, such as `30s`, got -1',
  ],
  'a timeout of nothing': [
    openrouter('idle_timeout: 0'),
    'config.yml:3: openrouter.idle_timeout: must be a duration from 1ms to 24h, such as `30s`, got 0',
  ],
  'an endless deadline': [
    openrouter('deadline: .inf'),
    'config.yml:3: openrouter.deadline: must be a duration from 1ms to 24h, such as `30s`, got Infinity',
  ],
  'a delay under both its names': [
    openrouter('google_rate_delay: 1\n  global_rate_delay: 2s'),
    'config.yml:4: openrouter.global_rate_delay: is another name of `google_rate_delay`, which has another value: keep one of them',
  ],
  'no attempt at all': [
    openrouter('max_attempts: 0'),
    'config.yml:3: openrouter.max_attempts: must be a whole number from 1 to 10000, got 0',
  ],
  'a misspelt key': [
    openrouter('key_selection_stratgy: first'),
    'config.yml:3: unknown setting `openrouter.key_selection_stratgy`; did you mean `key_selection_strategy`?',
  ],
  'a key of another section': [
    other('access_key: abcdef'),
    'config.yml:2: unknown setting `access_key`; did you mean `server.access_key`?',
  ],
  'a misspelt section': [
    other('requestproxy: {}'),
    'config.yml:2: unknown setting `requestproxy`; did you mean `requestProxy`?',
  ],
  'a key unlike any other': [
    server('colour_of_the_sky: blue'),
    'config.yml:3: unknown setting `server.colour_of_the_sky`',
  ],
  'a secret in the place of a key': [
    `openrouter:\n  keys: [${KEY}]\n  ${newKey()}: x\n`,
    'config.yml:3: unknown setting `openrouter.…`',
  ],
  'an enabled proxy without URL': [
    other('requestProxy:', '  enabled: true', '  url: ""'),
    'config.yml:4: requestProxy.url: must be a URL with http, https, socks4, socks5 or socks5h and a host',
  ],
  'a proxy of an unknown kind': [
    other('requestProxy:', '  enabled: true', '  url: ftp://user:pass@proxy'),
    'config.yml:4: requestProxy.url: must be a URL with http, https, socks4, socks5 or socks5h and a host',
  ],
  'an empty socket path': [
    other('kms:', '  socket: ""'),
    'config.yml:3: kms.socket: must be a path, got ""',
  ],
  'a socket path that is too long': [
    other('kms:', `  socket: /${'s'.repeat(107)}`),
    `config.yml:3: kms.socket: the path /${'s'.repeat(107)} has 108 bytes, and a Unix socket's can have 107: set \`kms.socket\` or \`state_dir\` to a shorter one`,
  ],
  'a state folder that is a list': [
    other('state_dir: []'),
    'config.yml:2: state_dir: must be a path, got a list',
  ],
};

const NOT_YAML: Record<string, [yaml: string, ...problems: string[]]> = {
  'a list': ['- a\n', 'config.yml:1: must be a mapping, got a list'],
  'a text': ['hello\n', 'config.yml:1: must be a mapping, got a text'],
  'a tab': ['server:\n\tport: 1\n', 'config.yml:2:1: a tab: indent with spaces'],
  'a quote that is not closed': [
    'server: "x\n',
    'config.yml:2:1: a quote, bracket, comma, colon or space is missing',
  ],
  'two colons': [
    other('state_dir: a: b'),
    'config.yml:2:12: a second `:` on the line: put a text that holds `: ` in quotes',
  ],
  'a text that begins with an asterisk': [
    server('access_key: *secret'),
    'config.yml:3:15: this alias has no anchor: put a text that begins with `*` or `&` in quotes',
  ],
  'a text that begins with an exclamation mark': [
    server('access_key: !secret x'),
    'config.yml:3:15: unknown tag: put a text that begins with `!` in quotes',
  ],
  'merge keys': [
    'a: &a { port: 1 }\nserver:\n  <<: *a\n',
    'config.yml:3:3: merge keys (`<<`) are not taken: write the values out',
  ],
  'too many aliases': [
    `a: &a x\nb: [${Array.from({ length: 21 }, () => '*a').join(', ')}]\n`,
    'config.yml:2:85: more than 20 aliases (`*name`): write the values out',
  ],
  'an alias inside its own anchor': [
    'server: &a { host: *a }\n',
    'config.yml:1:20: this alias stands for something that it is in itself',
  ],
  'a prototype': ['__proto__: { port: 1 }\n', 'config.yml:1:1: `__proto__` cannot be a key'],
  'YAML 1.1': [
    '%YAML 1.1\n---\nserver: {}\n',
    'config.yml:1:1: only YAML 1.2 is taken: remove the line `%YAML`',
  ],
  'two documents': [
    'server: {}\n---\nserver: {}\n',
    'config.yml:2:1: a second document (`---`) begins: there can be only one',
  ],
  'a list as key': ['? [a]\n: b\n', 'config.yml:1:3: a key must be a plain word'],
  'a key that stands twice': [
    server('port: 1\n  port: 2'),
    'config.yml:4:3: this key stands in the same mapping before',
  ],
};

test.each(Object.entries(SETTINGS))(
  '%s is refused by name and line',
  async (_, [yaml, problem]) => {
    expect(await problemsOf(yaml)).toEqual([problem]);
  },
);

test.each(Object.entries(NOT_YAML))('a file with %s is refused', async (_, [yaml, ...problems]) => {
  const without = await problemsOf(yaml);
  expect(without.filter((line) => line.startsWith('config.yml'))).toEqual(problems);
});

test('every problem is told at once, in the order of the file', async () => {
  const yaml = `
server:
  port: 99999
  port: abc
  access_key: ""
openrouter:
  keys:
    - ${KEY}
    - wrong
    - { key_file: nowhere }
  google_rate_delay: 1
  global_rate_delay: 2
  deadlin: 5
requestProxy: { enabled: true }
kms: { socket: /${'x'.repeat(200)} }
`;
  const problems = await problemsOf(yaml);
  expect(problems.map((problem) => problem.split(/: | `/, 3).slice(0, 2).join(' '))).toEqual([
    'config.yml:4:3 this key stands in the same mapping before',
    'config.yml:4 server.port',
    'config.yml:5 server.access_key',
    'config.yml:9 openrouter.keys[1]',
    'config.yml:10 openrouter.keys[2].key_file',
    'config.yml:12 openrouter.global_rate_delay',
    'config.yml:13 unknown setting',
    'config.yml:14 requestProxy.url',
    'config.yml:15 kms.socket',
  ]);
});

test('of very many problems the first hundred are told', async () => {
  const problems = await problemsOf(keys(...Array.from({ length: 250 }, () => 'wrong')));
  expect(problems).toHaveLength(101);
  expect(problems.at(-1)).toBe('… and 150 more');
});

test('a file of more than 256 KiB is refused', async () => {
  const yaml = `${other('server: {}')}#${' '.repeat(256 * 1024)}`;
  expect(await problemsOf(yaml)).toEqual(['config.yml: the file is larger than 256 KiB']);
});

test('a file that is not UTF-8 is refused', async () => {
  const bytes = Buffer.from('server: { host: \xe9 }', 'latin1');
  expect(await problemsOf(bytes)).toEqual(['config.yml: the file is not valid UTF-8']);
});

test('a folder in the place of the file is refused', async () => {
  const cwd = await temporaryFolder();
  await mkdir(join(cwd, 'config.yml'));
  expect(await problemsOf(null, { cwd })).toEqual(['config.yml: the file is not a regular file']);
});

test('a named pipe in the place of the file is refused, not waited for', async () => {
  const cwd = await temporaryFolder();
  execFileSync('mkfifo', [join(cwd, 'config.yml')]);
  expect(await problemsOf(null, { cwd })).toEqual(['config.yml: the file is not a regular file']);
});

test('a file that is named but not there is refused', async () => {
  expect(await problemsOf(null, { path: 'mine.yml' })).toEqual([
    'mine.yml: the file does not exist',
  ]);
  const env = { OPENROUTER_PROXY_CONFIG: 'theirs.yml' };
  expect(await problemsOf(null, { env })).toEqual(['theirs.yml: the file does not exist']);
});

test('a bad key in the environment is named by its position there', async () => {
  const env = { OPENROUTER_KEYS: `${KEY},wrong\n${newKey()} bad` };
  expect(await problemsOf(null, { env })).toEqual([
    `OPENROUTER_KEYS: line 1, key 2 ${NOT_A_KEY}`,
    `OPENROUTER_KEYS: line 2, key 2 ${NOT_A_KEY}`,
  ]);
  const oneLine = { OPENROUTER_KEYS: `${KEY},wrong` };
  expect(await problemsOf(null, { env: oneLine })).toEqual([`OPENROUTER_KEYS: key 2 ${NOT_A_KEY}`]);
});

test('an empty access key in the environment is refused', async () => {
  const env = { OPENROUTER_KEYS: KEY, OPENROUTER_PROXY_ACCESS_KEY: ' ' };
  expect(await problemsOf(null, { env })).toEqual([
    'OPENROUTER_PROXY_ACCESS_KEY: is empty: set an access key, or leave it out to have one made',
  ]);
});

test('a bad key in the credentials folder is named by its file', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'openrouter_keys'), `${KEY}\nwrong\n`);
  expect(await problemsOf(null, { env: { CREDENTIALS_DIRECTORY: folder } })).toEqual([
    `${folder}/openrouter_keys: line 2 ${NOT_A_KEY}`,
  ]);
});

test('bad lines of a list of keys are named by their positions, and never quoted', async () => {
  const folder = await temporaryFolder();
  const list = `# of the team\nann = ${KEY}\n\nhunter2 is the password\nbob smith! = ${newKey()}\nann = ${newKey()}\n`;
  await writeFile(join(folder, 'openrouter_keys'), list);
  const problems = await problemsOf(null, { env: { CREDENTIALS_DIRECTORY: folder } });
  const file = `${folder}/openrouter_keys`;
  expect(problems.map((line) => line.replace(/must be a name of .*/, 'must be a name'))).toEqual([
    `${file}: line 4 ${NOT_A_KEY}`,
    `${file}: line 5, key 1 ${NOT_A_KEY}`,
    `${file}: line 5, key 2 (its name) must be a name`,
    `${file}: line 6 (its name) \`ann\` is already the name of line 2`,
  ]);
});

test('a key file with several keys, a bad line or a bad name is refused', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'two.txt'), `${KEY}\n${newKey()}\n`);
  await writeFile(join(cwd, 'bad.txt'), '# key of Ann\nwrong\n');
  await writeFile(join(cwd, 'name.txt'), `a/b = ${newKey()}\n`);
  const files = ['two', 'bad', 'name'].map((name) => `{ key_file: ${name}.txt }`);
  const problems = await problemsOf(keys(...files), { cwd });
  expect(problems.map((line) => line.replace(/must be a name of .*/, 'must be a name'))).toEqual([
    `config.yml:3: openrouter.keys[0].key_file: ${cwd}/two.txt holds more than one key: give each key an entry of its own`,
    `config.yml:4: openrouter.keys[1].key_file: line 2 of ${cwd}/bad.txt ${NOT_A_KEY}`,
    `config.yml:5: openrouter.keys[2].key_file: the name in ${cwd}/name.txt must be a name`,
  ]);
});

test('a key file that is missing, and one that holds no key, are refused with their paths', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'key.txt'), 'hunter2\n');
  expect(
    await problemsOf(keys('{ key_file: key.txt }', '{ key_file: gone.txt }'), { cwd }),
  ).toEqual([
    `config.yml:3: openrouter.keys[0].key_file: what ${cwd}/key.txt holds ${NOT_A_KEY}`,
    `config.yml:4: openrouter.keys[1].key_file: ${cwd}/gone.txt does not exist`,
  ]);
});

test.each([
  ['no file', null],
  ['an empty file', ''],
  ['a file without keys', 'server: {}\n'],
  ['an empty list of keys', 'openrouter:\n  keys:\n'],
])('with %s, the three ways on are told', async (_, yaml) => {
  expect(await problemsOf(yaml)).toEqual([
    'There is no OpenRouter key yet. Three ways on:',
    '  file of keys: install -m 600 /dev/null my-keys.txt, put your keys into it, one a line, then',
    '                OPENROUTER_KEYS="$(cat my-keys.txt)" npm start',
    '  settings:     install -m 600 config.yml.example config.yml, and put your keys under `openrouter.keys`',
    '  trying out:   npm run demo, which needs no key and no internet',
  ]);
});

test.each([
  ['http://redis.example', redisForm],
  ['redis://one,two', redisForm],
  ['redis://host:99999', redisForm],
  ['unix://relative/path', redisForm],
  ['redis://host/canary-db', 'must name its database by a number'],
  ['redis+cluster://host/2', 'must not name a database: a cluster has only one'],
  ['redis+sentinel://host', 'must name the master: redis+sentinel://host:port,host:port/master'],
  ['redis://u:canary%@host', 'has a `%` that begins no escape: write `%25` for a percent sign'],
  ['rediss://host?cert_file=/cert', 'must name both `cert_file` and `key_file`, or neither'],
  ['redis://host?ca_file=/ca', 'names certificates, and must begin with rediss:// for TLS'],
  [
    'rediss://host?ca_file=relative&canary=1',
    'may end in `?ca_file=`, `cert_file=` and `key_file=` with absolute paths, and `sentinel_password=`, and in nothing else',
  ],
])('a Redis at %s is refused, and its address is not repeated', async (url, problem) => {
  const yaml = other('state:', '  backend: redis', `  redis: { url: '${url}' }`);
  expect(await problemsOf(yaml)).toEqual([`config.yml:4: state.redis.url: ${problem}`]);
  const inEnvironment = other('state: { backend: redis }');
  expect(await problemsOf(inEnvironment, { env: { REDIS_URL: url } })).toEqual([
    `REDIS_URL: ${problem}`,
  ]);
});

test('Redis without an address is refused, and so are a policy and a prefix that are none', async () => {
  const yaml = other('state:', '  backend: redis', '  redis: { prefix: "{a}", on_outage: never }');
  expect(await problemsOf(yaml)).toEqual([
    'config.yml:4: state.redis.prefix: must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`, got "{a}"',
    'config.yml:4: state.redis.on_outage: must be one of `static`, `open`, `closed`, got "never"',
  ]);
  expect(await problemsOf(other('state: { backend: redis }'))).toEqual([
    expect.stringContaining(`state.redis.url: is missing: it ${redisForm}`) as string,
  ]);
});
