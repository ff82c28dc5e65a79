import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '@openrouter-proxy/cli';
import { PAID_MODEL } from '../support/product.ts';
import { kms, startProduct, type Product } from './support/product.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct(3);
  for (let n = 0; n < 3; n += 1) await product.ask(`asked-${n}`);
});

afterAll(async () => {
  await product[Symbol.asyncDispose]();
});

const done = async (...args: string[]) => {
  const { code, out, err } = await kms(args, { product, columns: 200 });
  expect([code, err]).toEqual([0, '']);
  return out;
};
const json = async (...args: string[]): Promise<unknown> =>
  JSON.parse(await done(...args, '--json'));

describe('looking', () => {
  it('tells how the pool stands', async () => {
    expect(await done('status')).toMatch(
      /^pool +serving\nkeys +3 available, 0 cooling, 0 refused, 0 disabled\n/,
    );
    expect(await json('status')).toMatchObject({ keys: { available: 3 } });
  });

  it('lists the keys with what they did today', async () => {
    const lines = (await done('keys')).split('\n');
    expect(lines[0]).toMatch(/^KEY +ID +STATE +FLIGHT +TODAY +OK +UNTIL, WHY$/);
    expect(lines[1]).toMatch(/^key-1 +[0-9a-f]{12} +serving +0 +1 +100 %$/);
    expect(await json('keys')).toMatchObject({ total: 3, keys: [{ name: 'key-1' }, {}, {}] });
  });

  it('shows one key, by its name, its id, or the beginning of that', async () => {
    const { keyId } = (await json('key', 'key-2')) as { keyId: string };
    for (const meant of ['key-2', keyId, keyId.slice(0, 8)]) {
      expect(await done('key', meant)).toContain(`key       key-2  ${keyId}\n`);
    }
  });

  it('explains a request', async () => {
    expect(await done('explain', 'asked-1')).toMatch(
      /1\. key-\d \(round robin among 3\): answered \(200\)/,
    );
    expect(await json('explain', 'asked-1')).toMatchObject({ request: { model: PAID_MODEL } });
  });

  it('says that it does not remember a request', async () => {
    for (const meant of ['never-asked', '02497', 'gen-of-nothing']) {
      const { code, err } = await kms(['explain', meant], { product });
      expect([code, err]).toEqual([1, expect.stringMatching(/not remembered.*look for its id/)]);
    }
  });

  it('says whether a key can serve a model', async () => {
    expect(await done('why-not', 'key-1')).toBe('key-1 can serve paid models now\n');
    expect(await json('why-not', 'key-1', '--model', PAID_MODEL)).toEqual({
      canServe: true,
      reasons: [],
    });
  });

  it('adds up what was used', async () => {
    expect(await done('usage', '--since', '7d', '--by', 'model')).toContain(PAID_MODEL);
    expect(await done('usage', '--by', 'key')).toMatch(/in all +3 +0/);
    expect(await json('usage', '--by', 'client')).toMatchObject({ rows: [{ name: 'default' }] });
  });

  it('lists what is under way', async () => {
    expect(await done('leases')).toBe('No request is under way.\n');
    product.fake.rules.add({
      match: { requestId: 'slow' },
      fault: { kind: 'stall', when: 'before-headers' },
    });
    const leaving = new AbortController();
    const asked = product.ask('slow', {}, leaving.signal);
    await expect.poll(() => done('leases')).toMatch(/default +chat +openai\/gpt-4o +slow\n/);
    expect(await json('leases')).toMatchObject({ total: 1, leases: [{ requestId: 'slow' }] });
    product.fake.rules.set([]);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => done('leases')).toBe('No request is under way.\n');
  });

  it('explains a recent request by the beginning of its id, and by its generation', async () => {
    await product.ask('0249721c-176f-4284-848a-00d80a852900');
    const whole = ['explain', '0249721c-176f-4284-848a-00d80a852900'];
    await expect.poll(() => done(...whole)).toContain('OpenRouter calls it gen-');
    const story = await done(...whole);
    expect(await done('explain', '024972')).toBe(story);
    const [generation = ''] = /gen-[\w-]+/.exec(story) ?? [];
    expect(await done('explain', generation)).toBe(story);
    expect(await json('explain', generation)).toMatchObject({
      story: expect.anything() as unknown,
    });
    const several = await kms(['explain', 'asked-'], { product });
    expect([several.code, several.err]).toEqual([
      1,
      'kms: Several recent requests begin with “asked-”: asked-2, asked-1, asked-0.\n',
    ]);
  });
});

describe('the last requests', () => {
  const UUID = '7a1b2c3d-176f-4284-848a-00d80a852900';

  beforeAll(async () => {
    const fault = { kind: 'refuse', family: 'invalid_model' } as const;
    product.fake.rules.add({ match: { requestId: UUID }, fault });
    await product.ask(UUID, { model: 'nobody/no-model' });
    await product.ask('fine');
    await vi.waitFor(async () =>
      expect(await done('requests')).toMatch(/ fine .* answered \(200\)/),
    );
    product.fake.rules.set([]);
  });

  it('are listed with their keys, their results, and what they cost', async () => {
    const [head, latest] = (await done('requests', '--limit', '1')).split('\n');
    expect(head).toMatch(/^TIME +REQUEST +CLIENT +MODEL +KEYS +RESULT +TOOK +COST$/);
    expect(latest).toMatch(
      /^\d\d:\d\d:\d\d +fine +default +openai\/gpt-4o +key-\d +answered \(200\) +\d+(ms|s) +\$0\.\d+$/,
    );
  });

  it('are filtered by result, client, key, model and time', async () => {
    const failed = await done('requests', '--failed');
    expect(failed.split('\n')).toHaveLength(3);
    expect(failed).toMatch(/ 7a1b2c3d +default +nobody\/no-model +key-\d +.* \(40\d\)/);
    expect(await done('requests', '--outcome', 'answered')).not.toContain('7a1b2c3d');
    expect(await done('requests', '--client', 'nobody')).toBe('No remembered request matches.\n');
    expect(await done('requests', '--model', 'no-model')).toBe(failed);
    expect(await done('requests', '--since', '4h', '--failed')).toBe(failed);
    const [keyName = ''] = /key-\d/.exec(failed) ?? [];
    const { keyId } = (await json('key', keyName)) as { keyId: string };
    expect(await done('requests', '--failed', '--key', keyId.slice(0, 6))).toBe(failed);
    expect(await json('requests', '--failed')).toMatchObject({ requests: [{ requestId: UUID }] });
  });

  it('are explained by the id as it is shown', async () => {
    expect(await done('explain', '7a1b2c3d')).toContain('nobody/no-model');
  });

  it('refuse a filter that means nothing', async () => {
    for (const [args, message] of [
      [['--limit', '0'], '--limit must be a number from 1 to 5000.'],
      [['--failed', '--outcome', 'failed'], '--failed and --outcome exclude each other'],
      [['--since', 'monday'], '--since must be a length of time'],
    ] as const) {
      const { code, err } = await kms(['requests', ...args], { product });
      expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    }
    const { code, err } = await kms(['requests', '--key', 'key-33'], { product });
    expect([code, err]).toEqual([1, expect.stringContaining('Did you mean key-3')]);
  });
});

describe('operating', () => {
  it('cools a key for a time, and lets it serve again', async () => {
    expect(await done('cool', 'key-1', '--for', '10m', '--reason', 'moving it')).toMatch(
      /^key-1 is cooling, until \d\d:\d\d:\d\d \(in (9m 59s|10m)\): an operator: moving it\n$/,
    );
    expect(await done('keys')).toMatch(/key-1 .* cooling .* an operator: moving it/);
    expect(await done('key', 'key-1')).toMatch(/\nsource +an operator’s word\n/);
    expect(await done('why-not', 'key-1')).toMatch(/cannot serve paid models now\n.*moving it/);
    expect(await done('uncool', 'key-1')).toBe('key-1 is serving\n');
  });

  it('disables a key, and enables it', async () => {
    expect(await done('disable', 'key-3', '--reason', 'leaked')).toBe(
      'key-3 is disabled, an operator: leaked\n',
    );
    expect(await json('enable', 'key-3')).toMatchObject({ state: { kind: 'available' } });
  });

  it('reads the configuration again, or says what would change', async () => {
    await product.configure({ key_selection_strategy: 'random' });
    const plan = await done('reload', '--dry-run');
    expect(plan).toContain('This would change:\n  ~ openrouter.key_selection_strategy');
    expect(await done('reload')).toContain('The new configuration is in effect.');
    expect(await done('reload')).toBe('Nothing has changed.\n');
    await product.configure({ key_selection_strategy: 'rondom' });
    const { code, out } = await kms(['reload'], { product });
    expect([code, out]).toEqual([1, expect.stringContaining('key_selection_strategy')]);
    await product.configure({});
    await done('reload');
  });

  it('has the way to OpenRouter tried at once, also when nothing has changed', async () => {
    const fault = { kind: 'refuse', family: 'edge_blocked' } as const;
    product.fake.rules.add({ match: { method: 'POST' }, fault });
    // Several requests must have failed, and none may have been served a moment ago.
    let asked = 0;
    await expect.poll(() => product.ask(`blocked-${(asked += 1)}`)).toBe(503);
    product.fake.rules.set([]);
    expect(await done('status')).toMatch(
      /^pool +degraded\nproblem +OpenRouter blocks this address since \d\d:\d\d:\d\d: a page “Access denied”\.\n/,
    );
    expect(await done('reload')).toBe('Nothing has changed.\n');
    expect(await product.ask('let-through')).toBe(200);
  });

  it('names the keys that come, go, and are called otherwise with their ids', async () => {
    const { keys } = (await json('keys')) as { keys: { keyId: string }[] };
    const [first, second, third] = keys.map(({ keyId }) => keyId);
    const key = product.fake.addKey().secret;
    await product.configure({ keys: [...product.secrets.slice(1, 3), key] });
    const plan = await done('reload', '--dry-run');
    expect(plan.split('\n').slice(0, 5)).toEqual([
      'This would change:',
      `  - key-1 (${first}): removed`,
      `  ~ ${second}: key-2 is called key-1 now`,
      `  ~ ${third}: key-3 is called key-2 now`,
      expect.stringMatching(/^ {2}\+ key-3 \([0-9a-f]{12}\): added$/),
    ]);
    await product.configure({});
  });

  it('names the clients that come, go, and get another key', async () => {
    const clients = (...keys: [name: string, letter: string][]) => ({
      access_keys: keys.map(([name, letter]) => ({ name, key: letter.repeat(40) })),
    });
    await product.configure({}, clients(['anna', 'a'], ['boris', 'b']));
    expect(await done('reload')).toBe(
      'The new configuration is in effect.\n  + client anna: added\n  + client boris: added\n',
    );
    await product.configure({}, clients(['anna', 'c']));
    expect(await done('reload', '--dry-run')).toBe(
      'This would change:\n  - client boris: removed\n  ~ client anna: another secret\n',
    );
    await product.configure({});
    await done('reload');
  });

  it('warns of what is odd about a configuration that it takes', async () => {
    const [first, second] = product.secrets;
    await product.configure({ keys: [...product.secrets.slice(0, 3), first] });
    for (const args of [['reload', '--dry-run'], ['reload']]) {
      const { code, out, err } = await kms(args, { product });
      expect([code, out]).toEqual([0, 'Nothing has changed.\n']);
      expect(err).toMatch(/^warning: .*openrouter\.keys\[3\]: is left out: it is the same key/);
      expect(err).not.toContain(second);
    }
    await product.configure({});
  });
});

describe('the configuration', () => {
  it('is checked by what a start would check it by', async () => {
    expect(await done('config', 'check')).toMatch(/^valid: .*config.yml, 3 keys\n$/);
    const wrong = path.join(product.folder, 'wrong.yml');
    await writeFile(wrong, 'server: { prot: 1 }\nopenrouter: { keys: [nonsense] }\n');
    const { code, err } = await kms(['config', 'check', '--config', wrong], { product });
    expect(code).toBe(1);
    expect(err).toMatch(/server\.prot/);
    expect(err).toMatch(/openrouter\.keys\[0\]/);
    const asJson = await kms(['config', 'check', '--config', wrong, '--json'], { product });
    expect(JSON.parse(asJson.out)).toMatchObject({ valid: false });
  });

  it('has an access key that is refused where other machines can try it, and else warned about', async () => {
    const file = path.join(product.folder, 'short.yml');
    const check = async (host: string) => {
      const server = { host, access_key: 'short-key' };
      await writeFile(file, JSON.stringify({ server }), { mode: 0o600 });
      const env = { OPENROUTER_KEYS: product.secrets[0] ?? '' };
      return kms(['config', 'check', '--config', file], { product, env });
    };
    const refused = await check('0.0.0.0');
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toMatch(
      /^\S*short\.yml:1: server\.access_key: .*`openssl rand -hex 32`\n$/,
    );
    const warned = await check('127.0.0.1');
    expect([warned.code, warned.err]).toEqual([
      0,
      expect.stringMatching(/^warning: \S*short\.yml:1: server\.access_key: has fewer than 16/),
    ]);
  });

  it('is shown also to a shell without keys, with a note about those of the running service', async () => {
    const file = path.join(product.folder, 'keyless.yml');
    await writeFile(file, JSON.stringify({ server: { port: 4712 } }), { mode: 0o600 });
    const show = () => kms(['config', 'show', '--config', file], { product, env: {} });
    const running = await show();
    expect([running.code, running.out]).toEqual([0, expect.stringMatching(/server\.port +4712/)]);
    expect(running.err).toBe(
      `note: This shell has no OpenRouter key. The service that runs on ${product.socket} may have been started with others: see \`kms keys\`.\n`,
    );
    const check = await kms(['config', 'check', '--config', file], { product, env: {} });
    expect([check.code, check.err]).toEqual([1, expect.stringContaining('may have been started')]);
    const away = { server: { port: 4712 }, kms: { socket: path.join(product.folder, 'no.sock') } };
    await writeFile(file, JSON.stringify(away));
    expect((await show()).err).toMatch(/no OpenRouter key\. A start needs one/);
  });

  it('is shown with the port of the variable PORT, which a start would take', async () => {
    const { out } = await kms(['config', 'show'], { product, env: { PORT: '4711' } });
    expect(out).toMatch(/server\.port +4711 +PORT\n/);
  });

  it('is shown with where each value comes from, and without secrets', async () => {
    const out = await done('config', 'show');
    expect(out).toMatch(/^\S*config\.yml, as this shell would load it\n/);
    expect(out).toMatch(/server\.port +0 +\S*config\.yml/);
    expect(out).toMatch(/server\.host +127\.0\.0\.1 +default/);
    expect(out).toMatch(/openrouter\.keys +key-1, key-2, key-3 +/);
    for (const secret of product.secrets) expect(out).not.toContain(secret);
    const env = {
      OPENROUTER_PROXY_CONFIG: product.config,
      OPENROUTER_PROXY_ACCESS_KEY: 'x'.repeat(20),
    };
    const shown = await kms(['config', 'show', '--json'], { product, env });
    expect(JSON.parse(shown.out)).toMatchObject({
      settings: expect.arrayContaining([
        {
          setting: 'server.access_key',
          value: '(set; not shown)',
          origin: 'environment',
          place: 'OPENROUTER_PROXY_ACCESS_KEY',
        },
      ]) as unknown,
    });
  });
});

describe('importing', () => {
  it('writes what it found for its owner alone, and replaces nothing', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kms-import-'));
    const [from, to] = [path.join(folder, '.env'), path.join(folder, 'config.yml')];
    const [first = '', second = ''] = product.secrets;
    await writeFile(from, `PORT=1\nexport TEAM_A="${first}"\nOTHERS=${second},${first}\n`);
    const { code, out } = await kms(['import', from, '--output', to], { product });
    expect([code, out]).toEqual([0, expect.stringContaining('2 keys (env): team-a, others-1\n')]);
    expect((await stat(to)).mode & 0o777).toBe(0o600);
    expect(await readFile(to, 'utf8')).toContain(second);
    expect((await kms(['config', 'check', '--config', to], { product })).code).toBe(0);
    const again = await kms(['import', from, '--output', to], { product });
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('EEXIST')]);
    await rm(folder, { recursive: true });
  });
});

describe('help', () => {
  it.each(COMMANDS.map(({ name }) => name))('of `%s` has examples', async (name) => {
    const { code, out } = await kms([...name.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain('Examples:\n  kms ');
  });

  it('fits 80 columns', async () => {
    const { out } = await kms(['--help'], { columns: 80 });
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(82);
  });
});
