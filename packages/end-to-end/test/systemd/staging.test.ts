import { existsSync } from 'node:fs';
import {
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  writeFile,
} from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { documentedFiles } from './support/documented-files.ts';

const PROJECT = path.resolve(import.meta.dirname, '../../../..');
const INSTALL = path.join(PROJECT, 'service_install.sh');
const UNINSTALL = path.join(PROJECT, 'service_uninstall.sh');
const APP = '/opt/openrouter-proxy';
const CONFIG = 'server: { port: 5556 }\n';
const KEYS = `sk-or-v1-${'0123456789abcdef'.repeat(4)}\n`;
/** systemd makes these when the service starts. */
const MADE_BY_SYSTEMD = /^\/(?:run|var)\//;

/** How a script ended, and what it printed. */
const script = async (file: string, ...args: readonly string[]) => {
  const { exitCode, all } = await execa({ reject: false, all: true })(file, args);
  return { exitCode, all };
};

/** Every file, folder and link under a folder: its mode, and what is in it. */
async function audit(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true });
  const audited = entries.map(async (entry) => {
    const place = path.join(root, entry);
    const status = await lstat(place);
    const holds = status.isSymbolicLink()
      ? `-> ${await readlink(place)}`
      : status.isFile() &&
        createHash('sha256')
          .update(await readFile(place))
          .digest('hex');
    return [`/${entry}`, `${(status.mode & 0o7777).toString(8)} ${holds || 'folder'}`] as const;
  });
  return Object.fromEntries((await Promise.all(audited)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('the service, staged', () => {
  let home: string;
  let root: string;
  let given: string[];

  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'staged service '));
    root = path.join(home, "a root's folder");
    const [config, keys] = [path.join(home, 'my config.yml'), path.join(home, 'my keys')];
    await writeFile(config, CONFIG);
    await writeFile(keys, KEYS);
    given = ['--root', root, '--config', config, '--keys', keys];
  });

  afterEach(async () => {
    await rm(home, { recursive: true });
  });

  /** What is there beside the program's own tree, as `path mode`. */
  async function installed(): Promise<string[]> {
    const files = Object.entries(await audit(root));
    return files
      .filter(([file]) => !file.startsWith(`${APP}/`) || file === `${APP}/node`)
      .filter(([file, what]) => !what.endsWith('folder') || file.endsWith('openrouter-proxy'))
      .map(([file, what]) => `${file} ${what.split(' ')[0]}`);
  }

  it('consists of exactly the documented files, with their modes', async () => {
    expect((await script(INSTALL, ...given)).exitCode).toBe(0);
    const documented = documentedFiles()
      .filter(({ file }) => !MADE_BY_SYSTEMD.test(file))
      .filter(({ file }) => !/\/(?:access_key|redis_url)$/.test(file)); // none was given
    expect(await installed()).toEqual(documented.map(({ file, mode }) => `${file} ${mode}`).sort());
  });

  it('is the same after it was installed again, and keeps what was configured', async () => {
    await script(INSTALL, ...given);
    const before = await audit(root);
    const { exitCode, all } = await script(INSTALL, '--root', root);
    expect([exitCode, all]).toEqual([0, expect.stringContaining('config.yml, as it was\n')]);
    expect(await audit(root)).toEqual(before);
  });

  it('is told in words when it is there: what is where, and what comes next', async () => {
    const { all } = await script(INSTALL, ...given);
    expect(all.split('\n')).toEqual([
      `Staged in ${root}; the user and the modes are made at boot:`,
      `  program       ${root}${APP}`,
      `  unit          ${root}/etc/systemd/system/openrouter-proxy.service`,
      `  configuration ${root}/etc/openrouter-proxy/config.yml, from ${given[3]}`,
      `  keys          ${root}/etc/openrouter-proxy/openrouter_keys, from ${given[5]}`,
      `  kms           ${root}/usr/local/bin/kms`,
      'valid: config.yml, 1 key',
      'Next, where it has booted:',
      ...Array.from({ length: 4 }, () => expect.stringMatching(/^ {2}\w/) as string),
    ]);
  });

  it.each([{ options: [] }, { options: ['--dry-run'] }])(
    'is not touched if a start could not use its configuration, with options $options',
    async ({ options }) => {
      await writeFile(given[3] ?? '', 'server:\n  port: 5556\n  prot: 1\n');
      const wrong = await script(INSTALL, ...given, ...options);
      expect([wrong.exitCode, wrong.all]).toEqual([
        78,
        expect.stringMatching(/^config\.yml:3: .*server\.prot.*\n.*nothing was changed/),
      ]);
      await writeFile(given[3] ?? '', CONFIG);
      await writeFile(given[5] ?? '', 'no-key\n');
      const { exitCode, all } = await script(INSTALL, ...given, ...options);
      expect([exitCode, all]).toEqual([
        78,
        expect.stringMatching(/^openrouter_keys: key 1 is not an OpenRouter key/),
      ]);
      expect(all).not.toContain('no-key');
      expect(existsSync(path.join(root, 'opt'))).toBe(false);
    },
  );

  it('may be staged without keys, which is said', async () => {
    const { exitCode, all } = await script(INSTALL, ...given.slice(0, 4));
    expect([exitCode, all]).toEqual([0, expect.stringContaining('without an OpenRouter key')]);
  });

  it('has nothing of an older program after an upgrade', async () => {
    await script(INSTALL, ...given);
    const before = await audit(root);
    await mkdir(path.join(root, APP, 'of-old'));
    await script(INSTALL, '--root', root);
    expect(await audit(root)).toEqual(before);
  });

  it('holds no development tools, no tests and no stand-ins, and nothing that others may write', async () => {
    await script(INSTALL, ...given);
    const files = Object.entries(await audit(path.join(root, APP)));
    const programs = ['launcher', 'kms', 'gateway', 'cli'].map((name) => `/dist/${name}.js`);
    expect(files.map(([file]) => file)).toEqual(expect.arrayContaining(programs));
    const foreign = /^\/(?:node_modules|packages|scripts)\/|\.ts$|fake-openrouter/;
    expect(files.filter(([file]) => foreign.test(file))).toEqual([]);
    const isLoose = (what: string) =>
      !what.includes('->') && (Number.parseInt(what, 8) & 0o022) !== 0;
    expect(files.filter(([, what]) => isLoose(what))).toEqual([]);
  });

  it('leaves its configuration when it is removed, and nothing when it is purged; twice each', async () => {
    await script(INSTALL, ...given);
    const removed = [`removed  ${root}${APP}`, `kept     ${root}/etc/openrouter-proxy`, '--purge'];
    for (const says of [removed, removed.slice(1)]) {
      const { exitCode, all } = await script(UNINSTALL, '--root', root);
      expect(exitCode).toBe(0);
      for (const part of says) expect(all).toContain(part);
      expect(await installed()).toEqual([
        '/etc/openrouter-proxy 750',
        '/etc/openrouter-proxy/config.yml 640',
        '/etc/openrouter-proxy/openrouter_keys 600',
      ]);
    }
    for (const says of [`removed  ${root}/etc/openrouter-proxy`, 'Nothing was there.']) {
      const all = says;
      expect(await script(UNINSTALL, '--root', root, '--purge')).toEqual({ exitCode: 0, all });
      expect(await installed()).toEqual([]);
    }
  });

  it('is not touched when only asked what would be done', async () => {
    const { exitCode, all } = await script(INSTALL, ...given, '--dry-run');
    expect([exitCode, all]).toEqual([0, expect.stringContaining("would run: 'install'")]);
    expect(all).toMatch(/^Would install openrouter-proxy, from the tree in .*:\n {2}program /);
    expect(existsSync(root)).toBe(false);
    await script(INSTALL, ...given);
    const before = await audit(root);
    const removal = await script(UNINSTALL, '--root', root, '--purge', '--dry-run');
    expect(removal.all).toMatch(/^Would stop .*\n.* would go as well\.\n/);
    expect(removal.all).toContain(`would run: 'rm' '-rf' '--' '${root}${APP}'`);
    expect(await audit(root)).toEqual(before);
  });

  it("does not take the place of another's command or program", async () => {
    const kms = path.join(root, 'usr/local/bin/kms');
    await mkdir(path.dirname(kms), { recursive: true });
    await writeFile(kms, '#!/bin/sh\necho another\n');
    const { exitCode, all } = await script(INSTALL, ...given);
    expect([exitCode, all]).toEqual([1, expect.stringContaining('is another program')]);
    await script(UNINSTALL, '--root', root, '--purge');
    expect(await readFile(kms, 'utf8')).toContain('another');
  });

  it('refuses what it cannot do, with a reason and an exit code', async () => {
    const refusals = [
      { args: ['--root', root], code: 78, says: '--config FILE' },
      { args: ['--root', root, '--config', '/nowhere'], code: 78, says: 'cannot be read' },
      { args: ['--config'], code: 2, says: 'needs a value' },
      { args: ['--frobnicate'], code: 2, says: '--frobnicate' },
    ];
    for (const { args, code, says } of refusals) {
      const { exitCode, all } = await script(INSTALL, ...args);
      expect([exitCode, all]).toEqual([code, expect.stringContaining(says)]);
    }
    expect((await script(UNINSTALL, '--frobnicate')).exitCode).toBe(2);
    expect(existsSync(path.join(root, 'opt'))).toBe(false);
  });
});
