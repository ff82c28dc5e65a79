import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { COMMANDS, GLOBAL_OPTIONS } from '@openrouter-proxy/cli';
import { kms, startProduct, type Product } from './support/product.ts';

let product: Product;
let folder: string;

beforeAll(async () => {
  product = await startProduct(3);
  folder = await mkdtemp(path.join(tmpdir(), 'kms-failures-'));
});

afterAll(async () => {
  await product[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const failed = async (...args: string[]) => {
  const { code, out, err } = await kms(args, { product });
  expect(out).toBe('');
  return { code, err };
};

describe('a service that is not there', () => {
  it('is said not to run, with what to do about it', async () => {
    const { code, err } = await failed('status', '--socket', path.join(folder, 'none.sock'));
    expect(code).toBe(69);
    expect(err).toContain('No key service runs with this configuration');
    expect(err).toContain('npm start');
    expect(err).toContain('`npm run demo` prints its own');
    expect(err).toContain('--config FILE');
  });

  it('is told from a file that is no socket', async () => {
    const file = path.join(folder, 'a-file');
    await writeFile(file, '');
    const { code, err } = await failed('status', '--socket', file);
    expect([code, err]).toEqual([69, expect.stringMatching(/nobody listens|not a socket/)]);
  });

  it('is told from one whose token is missing', async () => {
    const socket = path.join(folder, 'other.sock');
    const server = createServer().listen(socket);
    await once(server, 'listening');
    const { code, err } = await failed('status', '--socket', socket);
    expect([code, err]).toEqual([69, expect.stringContaining('operator.token')]);
    server.close();
  });

  it('is told from one that takes another token', async () => {
    const token = path.join(path.dirname(product.socket), 'operator.token');
    const right = await readFile(token, 'utf8');
    await writeFile(token, 'not-the-token\n');
    const { code, err } = await failed('status');
    await writeFile(token, right);
    expect([code, err]).toEqual([1, expect.stringContaining('start the service again')]);
  });

  it('may only be used by who may', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can be another user');
    await chmod(product.folder, 0o755);
    const child = spawn(process.execPath, [PROGRAMS.cli, 'status', '--socket', product.socket], {
      uid: 65_534,
      gid: 65_534,
    });
    let err = '';
    child.stderr.on('data', (data) => (err += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, err]).toEqual([69, expect.stringContaining('You may not use')]);
  });
});

describe('a configuration that cannot be read', () => {
  const mended = async (work: () => Promise<void>) => {
    const text = await readFile(product.config, 'utf8');
    await work();
    await writeFile(product.config, text);
  };

  it('does not hide a service whose socket is where it is by default', () =>
    mended(async () => {
      await writeFile(product.config, 'server:\n\tport: 1\n');
      const status = await kms(['status'], { product });
      expect([status.code, status.err]).toEqual([0, '']);
      const { code, out } = await kms(['reload'], { product });
      expect(code).toBe(1);
      expect(out).toBe(
        `Nothing was changed: ${product.config} cannot be read:\n  ${product.config}:2:1: a tab: indent with spaces\n`,
      );
      await rm(product.config);
      const gone = await kms(['reload'], { product });
      expect([gone.code, gone.out]).toEqual([
        1,
        expect.stringMatching(/^Nothing was changed:\n.*started with, is no longer there/),
      ]);
    }));

  it('is told together with the service that is not where it should be', async () => {
    const file = path.join(folder, 'broken.yml');
    await writeFile(file, 'server:\n\tport: 1\n');
    const broken = await failed('keys', '--config', file);
    expect(broken.code).toBe(69);
    expect(broken.err).toMatch(/^kms: .*broken\.yml:2:1: a tab: indent with spaces\n/);
    expect(broken.err).toContain('the default place was tried');
    expect(broken.err).toContain(path.join(folder, '.openrouter-proxy/kms.sock'));
    const missing = await failed('keys', '--config', '/nofile');
    expect(missing.code).toBe(69);
    expect(missing.err).toMatch(/^kms: \/nofile: the file does not exist\n/);
  });
});

describe('a key that is not there', () => {
  it('is answered with the nearest', async () => {
    const { code, err } = await failed('key', 'kye-2');
    expect([code, err]).toEqual([1, 'kms: There is no key “kye-2”. Did you mean key-2?\n']);
  });

  it('is not said again if it looks like a secret', async () => {
    const [secret = ''] = product.secrets;
    const { code, err } = await failed('key', secret);
    expect(code).toBe(1);
    expect(err).not.toContain(secret);
  });
});

describe('a command line that means nothing', () => {
  it.each([
    [['frobnicate']],
    [['key']],
    [['keys', '--wacth']],
    [['cool', 'key-1']],
    [['cool', 'key-1', '--for', 'long']],
    [['cool', 'key-1', '--for', '0s']],
    [['usage', '--by', 'colour']],
    [['usage', '--since', 'yesterday']],
    [['completion', 'tcsh']],
    [['config', 'sing']],
    [['explain', 'x'.repeat(129)]],
  ])('%j is refused with 2 and a reason', async (args) => {
    const { code, err } = await kms(args, { product });
    expect([code, err]).toEqual([2, expect.stringMatching(/^kms: ./)]);
  });

  it('is told which times there are', async () => {
    const { err } = await kms(['cool', 'key-1', '--for', 'long'], { product });
    expect(err).toContain('such as 90s, 10m, 4h or 2d, or a number of seconds.');
    const { out } = await kms(['cool', '--help'], { columns: 100 });
    expect(out).toContain('90s, 10m, 4h, 2d, or seconds');
  });

  it('does nothing to the terminal, whatever is in it', async () => {
    const { err } = await kms(['\u001b[2Jx\u0007', '\u202e'], { product });

    expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

/** Words of the command line, and words that have no place there. */
const WORDS = [
  ...COMMANDS.flatMap(({ name }) => name.split(' ')),
  ...COMMANDS.flatMap(({ options = [] }) => options.map(({ flags }) => flags.split(' ')[0] ?? '')),
  ...GLOBAL_OPTIONS.map(({ flags }) => flags.split(' ')[0] ?? ''),
  ...['key-1', 'key-9', '10m', '7d', 'model', 'day', 'bash', '--', '-', '', '--help', '-h', '-V'],
  ...[
    '--version',
    '--no-such',
    '/',
    '/dev/null',
    '/etc/passwd',
    '__complete',
    'constructor',
    '__proto__',
  ],
];

describe('any command line', () => {
  it('ends with a documented code, without a stack and without a secret', async () => {
    const keys = product.fake.keys.map(({ secret }) => secret);
    const word = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(...keys, product.socket, product.config),
      },
      { weight: 1, arbitrary: fc.string({ maxLength: 40, unit: 'binary' }) },
    );
    const endless = (args: readonly string[]) => args.includes('--watch');
    const writes = (args: readonly string[]) => args.includes('--output');
    const args = fc.array(word, { maxLength: 7 }).filter((line) => !endless(line) && !writes(line));
    await fc.assert(
      fc.asyncProperty(args, async (line) => {
        const { code, out, err } = await kms(line, { product });
        const printed = out + err;
        expect([0, 1, 2, 69]).toContain(code);
        expect(printed).not.toMatch(/\n\s+at .+:\d+/);
        expect(printed).not.toContain('should not');
        for (const secret of product.secrets) expect(printed).not.toContain(secret);
      }),
      { numRuns: 2_000 },
    );
  });
});
