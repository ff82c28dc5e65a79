import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { debianTree } from './support/debian-tree.ts';

const PROJECT = path.resolve(import.meta.dirname, '../../../..');
/** The image's user, by its `Containerfile`. */
const IMAGE_USER = 10_001;
/** A user of the host who has made the file of keys. */
const HOST_USER = 1_000;

let home: string;
let fake: FakeOpenRouter;

/** The image's files, as its `Containerfile` lays them into a Debian. */
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'container-'));
  const root = path.join(home, 'root');
  await execa`cp -a --reflink=auto ${await debianTree()} ${root}`;
  const app = path.join(root, 'opt/openrouter-proxy');
  await execa(process.execPath, [path.join(PROJECT, 'scripts/production-tree.ts'), app]);
  await cp(path.join(PROJECT, 'deploy/container/bin'), path.join(app, 'bin'), { recursive: true });
  await cp(process.execPath, path.join(root, 'usr/local/bin/node'));
  // systemd-nspawn insists on a home folder that is there.
  const user = [
    '--uid',
    `${IMAGE_USER}`,
    '--no-create-home',
    '--home-dir',
    '/var/lib/openrouter-proxy',
  ];
  await execa`useradd --root ${root} ${user} openrouter-proxy`;
  await mkdir(path.join(root, 'var/lib/openrouter-proxy'));
  // The engine makes mount points; here they must be there before the root is read-only.
  await mkdir(path.join(root, 'etc/openrouter-proxy'));
  await writeFile(path.join(root, 'etc/openrouter-proxy/config.yml'), '');
  fake = await startFakeOpenRouter();
});

afterAll(async () => {
  await fake.stop();
  await execa`rm -rf --one-file-system ${home}`;
});

/** A file of a host user: `mode` of the file, in a folder that is the user's alone. */
async function secretFile(mode: number): Promise<string> {
  const folder = await mkdtemp(path.join(home, 'secrets-'));
  const file = path.join(folder, 'openrouter_keys');
  await writeFile(file, `${fake.addKey().secret}\n`);
  await chmod(file, mode);
  await chown(file, HOST_USER, HOST_USER);
  await chown(folder, HOST_USER, HOST_USER);
  return file;
}

/** Runs the image's program as the compose file does: as its user, read-only, without capabilities. */
async function startContainer(secret: string) {
  const state = await mkdtemp(path.join(home, 'state-'));
  await chown(state, IMAGE_USER, IMAGE_USER);
  const config = path.join(state, '..', `${path.basename(state)}.yml`);
  await writeFile(
    config,
    JSON.stringify({
      server: { host: '127.0.0.1', port: 0, log_format: 'json' },
      openrouter: { base_url: fake.url, keys: [] },
    }),
  );
  const child = execa({ reject: false, all: true, buffer: false, stdin: 'ignore' })(
    'systemd-nspawn',
    [
      ...['--quiet', '--register=no', '--keep-unit', '--console=pipe', '--as-pid2'],
      ...['--read-only', '--user=openrouter-proxy', '--no-new-privileges=yes'],
      ...[`--directory=${path.join(home, 'root')}`, '--tmpfs=/tmp:mode=1777'],
      ...['--drop-capability=all', `--bind=${state}:/var/lib/openrouter-proxy`],
      `--bind-ro=${secret}:/run/secrets/openrouter_keys`,
      `--bind-ro=${config}:/etc/openrouter-proxy/config.yml`,
      ...['--setenv=NODE_ENV=production', '--setenv=CREDENTIALS_DIRECTORY=/run/secrets'],
      '--setenv=OPENROUTER_PROXY_CONFIG=/etc/openrouter-proxy/config.yml',
      '--setenv=STATE_DIRECTORY=/var/lib/openrouter-proxy',
      ...['--chdir=/var/lib/openrouter-proxy', '/opt/openrouter-proxy/bin/openrouter-proxy'],
    ],
  );
  onTestFinished(async () => {
    child.kill('SIGTERM'); // it ends everything inside; killed itself, it would leave that running
    await child;
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.all });
  reader.on('line', (line) => lines.push(line));
  return { child, lines, reader, state };
}

it('runs as the image’s user on a secret that a host user keeps in a folder of their own', async () => {
  const { child, lines, reader, state } = await startContainer(await secretFile(0o644));
  const ended = child.then(() => Promise.reject(new Error(lines.join('\n'))));
  while (!lines.some((line) => line.includes('"ready"'))) {
    await Promise.race([once(reader, 'line'), ended]);
  }
  const socket = path.join(state, 'kms.sock');
  const kms = [path.join(PROJECT, 'dist/cli.js'), 'status', '--socket', socket];
  const { stdout } = await execa(process.execPath, kms);
  expect(stdout).toContain('1 available');
});

it('ends with the owner and the mode of a secret that its user cannot read', async () => {
  const { child, lines } = await startContainer(await secretFile(0o600));
  expect((await child).exitCode).toBe(78);
  expect(lines.join('\n')).toContain(
    '/run/secrets/openrouter_keys: cannot be read by user 10001: it belongs to user 1000, group 1000, with mode 0600',
  );
});
