import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect, it, onTestFinished } from 'vitest';

const PROJECT = path.resolve(import.meta.dirname, '../../../..');
const INSTALL = path.join(PROJECT, 'service_install.sh');
const UNINSTALL = path.join(PROJECT, 'service_uninstall.sh');

async function runAsNobody(file: string, ...args: readonly string[]) {
  const as = ['--reuid=65534', '--regid=65534', '--clear-groups', file, ...args];
  const { exitCode, all } = await execa({ reject: false, all: true })('setpriv', as);
  return { exitCode, all };
}

it('another user than root can stage the service, but not install it', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'staged service '));
  onTestFinished(() => rm(home, { recursive: true }));
  await chmod(home, 0o777);
  const [root, config] = [path.join(home, 'root'), path.join(home, 'config.yml')];
  const keys = path.join(home, 'keys');
  await writeFile(config, 'server: { port: 5556 }\n');
  await writeFile(keys, `sk-or-v1-${'0123456789abcdef'.repeat(4)}\n`);
  const files = ['--config', config, '--keys', keys];

  const refused = await runAsNobody(INSTALL, ...files);
  expect([refused.exitCode, refused.all]).toEqual([77, expect.stringContaining('sudo')]);
  expect((await runAsNobody(UNINSTALL)).exitCode).toBe(77);

  const staged = await runAsNobody(INSTALL, '--root', root, ...files);
  expect(staged).toMatchObject({ exitCode: 0 });
  const { mode } = await stat(path.join(root, 'etc/openrouter-proxy/config.yml'));
  expect((mode & 0o777).toString(8)).toBe('640');
});
