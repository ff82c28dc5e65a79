import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@openrouter-proxy/config';
import {
  EXIT,
  Secret,
  createMasker,
  createPrivateFile,
  replacePrivateFile,
} from '@openrouter-proxy/runtime';
import { createLogger } from '@openrouter-proxy/runtime/logger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generatedAccessKey } from '../src/secrets/access-key.ts';
import { nameGeneratedKeyFile } from '../src/secrets/generated-key-file.ts';
import { makeRoleTokens, publishOperatorToken } from '../src/secrets/role-tokens.ts';

let folder: string;
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'private-files-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('a private file', () => {
  it.each([createPrivateFile, replacePrivateFile])(
    'is its owner’s alone and leaves no draft behind (%o)',
    async (write) => {
      await write(join(folder, 'file'), 'text');
      expect(await readFile(join(folder, 'file'), 'utf8')).toBe('text');
      expect(await modeOf(join(folder, 'file'))).toBe(0o600);
      expect(await readdir(folder)).toEqual(['file']);
    },
  );

  it('is replaced, whatever mode the old one had', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'a longer old text', { mode: 0o644 });
    await replacePrivateFile(path, 'new');
    expect([await readFile(path, 'utf8'), await modeOf(path)]).toEqual(['new', 0o600]);
  });

  it('is not replaced by creating it', async () => {
    const path = join(folder, 'file');
    await createPrivateFile(path, 'first');
    await createPrivateFile(path, 'second');
    expect(await readFile(path, 'utf8')).toBe('first');
  });

  it('leaves no draft behind when it cannot be put in place', async () => {
    await expect(replacePrivateFile(folder, 'text')).rejects.toThrow('EISDIR');
    expect(await readdir(join(folder, '..'))).not.toContainEqual(
      expect.stringMatching(new RegExp(`^${folder.split('/').at(-1)}\\.`)),
    );
  });
});

describe('the generated access key', () => {
  const path = () => join(folder, 'access_key');

  /** The configuration with this state folder, as far as the access key depends on it. */
  const configured = async (accessKey?: string, host = '127.0.0.1') => {
    const server = { host, ...(accessKey === undefined ? {} : { access_key: accessKey }) };
    const file = join(folder, 'config.yml');
    await writeFile(file, JSON.stringify({ server, state_dir: folder }), { mode: 0o600 });
    const env = { OPENROUTER_KEYS: `sk-or-v1-${'0'.repeat(64)}` };
    const loaded = await loadConfig({ path: file, env, cwd: folder });
    await rm(file);
    return loaded;
  };
  const CONFIGURED = 'an-access-key-of-their-own';

  it('has 256 bits, in letters that need no quoting', async () => {
    expect((await generatedAccessKey(await configured()))?.reveal()).toMatch(/^[\w-]{43}$/);
  });

  it('is the same at every start', async () => {
    const loaded = await configured();
    const first = await generatedAccessKey(loaded);
    const second = await generatedAccessKey(loaded);
    expect(second?.reveal()).toBe(first?.reveal());
    expect(await modeOf(path())).toBe(0o600);
  });

  it('is the same for launchers that start at the same time', async () => {
    const loaded = await configured();
    const starts = Array.from({ length: 50 }, () => generatedAccessKey(loaded));
    const keys = (await Promise.all(starts)).map((key) => key?.reveal());
    expect(new Set(keys).size).toBe(1);
    expect(await readdir(folder)).toEqual(['access_key']);
  });

  it('refuses an empty file instead of an empty key', async () => {
    await writeFile(path(), '\n');
    await expect(generatedAccessKey(await configured())).rejects.toMatchObject({
      exitCode: EXIT.configuration,
    });
  });

  it('refuses a weak key in the file where other machines can try keys', async () => {
    await writeFile(path(), 'short\n');
    const key = await generatedAccessKey(await configured());
    expect(key?.reveal()).toBe('short');
    await expect(generatedAccessKey(await configured(undefined, '0.0.0.0'))).rejects.toMatchObject({
      exitCode: EXIT.configuration,
      problems: [expect.stringMatching(path())],
    });
  });

  it('is moved out of the way while another key is configured, and the same afterwards', async () => {
    const logger = createLogger({
      ...{ component: 'launcher', level: 'CRITICAL', format: 'json', masker: createMasker() },
    });
    const [without, withKey] = [await configured(), await configured(CONFIGURED)];
    const first = await generatedAccessKey(without);
    expect(await generatedAccessKey(withKey)).toBeNull();
    expect(await readdir(folder)).toEqual(['access_key']);
    await nameGeneratedKeyFile(withKey, logger);
    expect(await readdir(folder)).toEqual(['access_key.unused']);
    const again = await generatedAccessKey(without);
    expect(again?.reveal()).toBe(first?.reveal());
    await nameGeneratedKeyFile(without, logger);
    expect(await readdir(folder)).toEqual(['access_key']);
    expect(await modeOf(path())).toBe(0o600);
  });
});

describe('the role tokens', () => {
  it('are new at every start, and differ', () => {
    const tokens = [makeRoleTokens(), makeRoleTokens()].flatMap(({ gateway, operator }) => [
      gateway.reveal(),
      operator.reveal(),
    ]);
    expect(new Set(tokens).size).toBe(4);
  });

  const logger = createLogger({
    component: 'launcher',
    level: 'CRITICAL',
    format: 'json',
    masker: createMasker(),
  });

  it.each([
    { access: 'owner', mode: 0o600 },
    { access: 'group', mode: 0o640 },
  ] as const)('give the operator’s, and only that, to the $access', async ({ access, mode }) => {
    const tokens = {
      gateway: new Secret('of the gateway'),
      operator: new Secret('of the operator'),
    };
    const socket = join(folder, 'kms.sock');
    await publishOperatorToken({ socket, access }, tokens, logger);
    await publishOperatorToken({ socket, access }, tokens, logger);
    const path = join(folder, 'operator.token');
    expect(await readdir(folder)).toEqual(['operator.token']);
    expect([await readFile(path, 'utf8'), await modeOf(path)]).toEqual(['of the operator\n', mode]);
  });

  it('do not end the service when they cannot be written', async () => {
    const socket = join(folder, 'missing', 'kms.sock');
    await publishOperatorToken({ socket, access: 'owner' }, makeRoleTokens(), logger);
  });
});
