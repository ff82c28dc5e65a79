import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedFiles } from './support/documented-files.ts';
import { bootMachine, said, type Machine } from './support/machine.ts';

const PROJECT = path.resolve(import.meta.dirname, '../../../..');
/** Where the machine has it: a path that has to be quoted. */
const INSIDE = '/srv/openrouter proxy';
const UNIT = 'openrouter-proxy.service';
const FAKE = path.join(PROJECT, 'packages/fake-openrouter/src/main.ts');
const CHAT = path.join(import.meta.dirname, 'fixtures/chat.ts');
const URL = 'http://127.0.0.1:5555/api/v1';
const FAKE_PORT = 9000;
const CONFIG = `openrouter: { base_url: "http://127.0.0.1:${FAKE_PORT}/api/v1" }\n`;

/** Asks until the answer fulfils a condition; resolves with that answer. */
async function becomes<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  const answers: T[] = [];
  await expect
    .poll(
      async () => {
        answers.push(await ask());
        return answers.at(-1);
      },
      { interval: 100 },
    )
    .toSatisfy(isIt);
  return answers.at(-1) as T;
}

describe('the service, in a real systemd', () => {
  let machine: Machine;
  const keys: string[] = [];
  const accessKey = `access-${randomBytes(16).toString('hex')}`;

  const inMachine = (file: string) => path.join(machine.root, file);
  const install = (...args: readonly string[]) =>
    machine.run(`${INSIDE}/service_install.sh`, ...args);
  const uninstall = (...args: readonly string[]) =>
    machine.run(`${INSIDE}/service_uninstall.sh`, ...args);
  const property = async (name: string) =>
    (await machine.ask('systemctl', 'show', '--value', '-p', name, UNIT)).trim();
  const journal = (...args: readonly string[]) =>
    machine.ask('journalctl', '--no-pager', '-u', UNIT, ...args);
  const chat = () => machine.inNetwork(process.execPath, CHAT, URL, accessKey);
  const answers = async () => (await chat()).exitCode === 0;
  const as = (user: string, ...command: readonly string[]) =>
    machine.run('runuser', '-u', user, '--', ...command);

  async function service(name: 'launcher' | 'kms' | 'gateway'): Promise<number> {
    const ours = `/opt/openrouter-proxy/dist/${name}.js`;
    const all = await becomes(
      async () => (await machine.processes()).filter(({ command }) => command.includes(ours)),
      (found) => found.length === 1,
    );
    return all[0]?.pid ?? 0;
  }

  async function startFake(): Promise<void> {
    const args = ['--port', String(FAKE_PORT), '--keys', '2'];
    const line = await said(machine.inNetwork(process.execPath, FAKE, ...args), '\n');
    const { keys: made } = JSON.parse(line) as { keys: { secret: string }[] }; // the fake's own line
    keys.push(...made.map(({ secret }) => secret));
  }

  /** Has the fake take `eventMs` between the events of a stream. */
  async function slowDown(eventMs: number): Promise<void> {
    const rules = eventMs === 0 ? [] : [{ fault: { kind: 'delay', eventMs } }];
    const put = { method: 'PUT', body: JSON.stringify(rules) };
    const url = `http://127.0.0.1:${FAKE_PORT}/__control/rules`;
    const script = `await fetch(${JSON.stringify(url)}, ${JSON.stringify(put)})`;
    const done = await machine.inNetwork(process.execPath, '--input-type=module', '-e', script);
    expect(done.exitCode).toBe(0);
  }

  async function dropIn(lines: string): Promise<void> {
    const folder = inMachine(`/etc/systemd/system/${UNIT}.d`);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'test.conf'), `[Service]\n${lines}\n`);
    await machine.ask('systemctl', 'daemon-reload');
    await machine.ask('systemctl', 'restart', UNIT);
  }

  beforeAll(async () => {
    machine = await bootMachine(PROJECT, INSIDE);
    await startFake();
    await writeFile(inMachine('/root/my config.yml'), CONFIG, { mode: 0o644 });
    await writeFile(inMachine('/root/my keys'), keys.join('\n'), { mode: 0o644 });
    await machine.ask('useradd', '--no-create-home', 'stranger');
  });

  afterAll(async () => {
    await (machine as Machine | undefined)?.[Symbol.asyncDispose]();
  });

  it('is not installed without a configuration', async () => {
    const { exitCode, output } = await install();
    expect([exitCode, output]).toEqual([78, expect.stringContaining('--config FILE')]);
    expect(existsSync(inMachine('/opt/openrouter-proxy'))).toBe(false);
  });

  it('is ready when its installation is through', async () => {
    const { exitCode, output } = await install(
      ...['--config', '/root/my config.yml', '--keys', '/root/my keys'],
    );
    expect([exitCode, output]).toEqual([0, expect.stringContaining('Installed and running')]);
    const status = await machine.ask('systemctl', 'status', '--no-pager', UNIT);
    expect(status).toContain('Active: active (running)');
    expect(status).toContain('Status: "serving on http://127.0.0.1:5555"');
    expect(await machine.ask('systemctl', 'is-enabled', UNIT)).toBe('enabled');
  });

  it('makes an access key, which clients use', async () => {
    const made = '/var/lib/openrouter-proxy/access_key';
    const key = readFileSync(inMachine(made), 'utf8').trim();
    const client = await machine.inNetwork(process.execPath, CHAT, URL, key);
    expect([client.exitCode, client.all]).toEqual([0, expect.stringContaining('[DONE]')]);
  });

  it('takes the access key that it is given as a credential', async () => {
    const file = inMachine('/etc/openrouter-proxy/access_key');
    await writeFile(file, `${accessKey}\n`, { mode: 0o600 });
    await machine.ask('systemctl', 'restart', UNIT);
    expect(await answers()).toBe(true);
  });

  it('consists of the documented files, with their owners and modes', async () => {
    const documented = documentedFiles().filter(({ file }) => !file.endsWith('/redis_url')); // none is given
    for (const { file, mode, owner } of documented) {
      const there = await machine.ask('stat', '-c', '%a %U:%G', file);
      expect(`${file} ${there}`).toBe(`${file} ${mode} ${owner}`);
    }
    const loose = await machine.ask(
      ...['find', '/opt/openrouter-proxy', '(', '!', '-user', 'root', '-o', '!', '-type', 'l'],
      ...['-perm', '/022', ')'],
    );
    expect(loose).toBe('');
  });

  it('has a unit that systemd finds no fault with, and that exposes little', async () => {
    expect(await machine.ask('systemd-analyze', 'verify', UNIT)).toBe('');
    const file = `/etc/systemd/system/${UNIT}`;
    const security = ['security', '--offline=true', '--threshold=15', '--no-pager', file];
    expect(await machine.ask('systemd-analyze', ...security)).toContain('Overall exposure');
  });

  it('runs without any privilege, and under the filter of system calls', async () => {
    for (const name of ['launcher', 'kms', 'gateway'] as const) {
      const status = await readFile(`/proc/${await service(name)}/status`, 'utf8');
      expect(status).toMatch(/^Seccomp:\s+2$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^CapBnd:\s+0+$/m);
      expect(status).not.toMatch(/^Uid:\s+0\s/m);
    }
  });

  it('is refused a system call that the filter leaves out', async () => {
    const script = `require("node:os").setPriority(5)`; // anybody may lower his own
    await dropIn(`ExecStartPre=-/opt/openrouter-proxy/node -e '${script}'`);
    expect(await journal()).toContain('ERR_SYSTEM_ERROR');
    expect(await journal()).toContain('EPERM');
    expect(await answers()).toBe(true);
  });

  it('hides keys, socket and state from other users', async () => {
    const launcher = await property('MainPID');
    for (const secret of [
      '/etc/openrouter-proxy/config.yml',
      '/etc/openrouter-proxy/openrouter_keys',
      '/run/openrouter-proxy/operator.token',
      '/run/openrouter-proxy/kms.sock',
      '/var/lib/openrouter-proxy/kms.db',
      '/var/lib/openrouter-proxy/access_key.unused', // the credential comes before it
      `/run/credentials/${UNIT}/openrouter_keys`,
      `/proc/${launcher}/environ`,
      `/proc/${launcher}/root/`,
    ]) {
      const { exitCode, output } = await as('stranger', 'cat', secret);
      expect([exitCode, output]).toEqual([1, expect.stringContaining('Permission denied')]);
    }
    const connect = 'net.connect("/run/openrouter-proxy/kms.sock")';
    const { output } = await as('stranger', '/opt/openrouter-proxy/node', '-e', connect);
    expect(output).toContain('EACCES');
  });

  it('is operated by the members of its group, who see no key', async () => {
    await machine.ask('useradd', '--no-create-home', '-G', 'openrouter-proxy', 'colleague');
    const { exitCode, output } = await as('colleague', 'kms', 'keys');
    expect([exitCode, output]).toEqual([0, expect.stringMatching(/key-1 .*serving/)]);
    for (const key of keys) expect(output).not.toContain(key);
    expect((await as('stranger', 'kms', 'keys')).exitCode).toBe(69);
    for (const secret of ['/etc/openrouter-proxy/openrouter_keys', '/var/lib/openrouter-proxy']) {
      const { output: refusal } = await as('colleague', 'ls', '-l', secret, '&&', 'cat', secret);
      expect(refusal).not.toMatch(/sk-or/);
      expect((await as('colleague', 'cat', secret)).exitCode).toBe(1);
    }
  });

  it('takes a changed configuration at a reload, and goes on', async () => {
    const file = inMachine('/etc/openrouter-proxy/config.yml');
    const before = await property('MainPID');
    await writeFile(file, `${CONFIG}server: { http_log_level: WARNING }\n`);
    await machine.ask('systemctl', 'reload', UNIT);
    expect(await journal('-n', '20')).toContain('server.http_log_level');
    expect(await answers()).toBe(true);
    expect([await property('MainPID'), await property('ActiveState')]).toEqual([before, 'active']);
  });

  it('says at a reload that the configuration is wrong, and goes on with the old one', async () => {
    const file = inMachine('/etc/openrouter-proxy/config.yml');
    await writeFile(file, `${CONFIG}server: { prot: 1 }\n`);
    expect((await machine.run('systemctl', 'reload', UNIT)).exitCode).toBe(1);
    expect(await journal('-n', '20')).toContain('server.prot');
    expect([await answers(), await property('ActiveState')]).toEqual([true, 'active']);
    await writeFile(file, CONFIG);
    await machine.ask('systemctl', 'reload', UNIT);
  });

  it('gets its key service back when that is killed, without a restart of its own', async () => {
    const before = await service('kms');
    process.kill(before, 'SIGKILL');
    await becomes(
      () => service('kms'),
      (pid) => pid !== before,
    );
    await becomes(answers, Boolean);
    expect(await property('NRestarts')).toBe('0');
  });

  it('says that its gateway hangs, and is restarted by the watchdog', async () => {
    await dropIn('WatchdogSec=12s\nRestartSec=1s');
    await becomes(answers, Boolean);
    process.kill(await service('gateway'), 'SIGSTOP');
    await becomes(
      () => property('StatusText'),
      (text) => text === 'no answer from the gateway',
    );
    await becomes(
      () => property('NRestarts'),
      (times) => times === '1',
    );
    await becomes(answers, Boolean);
    expect(await journal()).toContain('Watchdog timeout');
  });

  it('lives longer than the watchdog waits, while everything answers', async () => {
    await dropIn('WatchdogSec=2s');
    const before = await property('MainPID');
    const fed = () => property('WatchdogTimestampMonotonic').then(Number);
    const first = await fed();
    await becomes(fed, (at) => at > first + 5_000_000);
    expect([await property('MainPID'), await property('NRestarts')]).toEqual([before, '0']);
  });

  it('finishes a running stream when it is stopped', async () => {
    await slowDown(400);
    const stream = chat();
    expect(await said(stream, 'delta')).not.toContain('[DONE]');
    const stopped = machine.ask('systemctl', 'stop', UNIT);
    const { exitCode, all } = await stream;
    expect([exitCode, all]).toEqual([0, expect.stringContaining('[DONE]')]);
    await stopped;
    expect([await property('ActiveState'), await property('Result')]).toEqual([
      'inactive',
      'success',
    ]);
    await slowDown(0);
  });

  it('ends and stays ended on a configuration that is wrong, and says why', async () => {
    const file = inMachine('/etc/openrouter-proxy/config.yml');
    await writeFile(file, `${CONFIG}server: { prot: 1 }\n`);
    expect((await machine.run('systemctl', 'start', UNIT)).exitCode).toBe(1);
    await setTimeout(2_000); // beyond RestartSec
    expect([await property('ActiveState'), await property('ExecMainStatus')]).toEqual([
      'failed',
      '78',
    ]);
    expect(await property('NRestarts')).toBe('0');
    expect(await journal('-n', '20')).toContain('server.prot');
    await writeFile(file, CONFIG);
  });

  it('runs without credentials on keys that the configuration names', async () => {
    const file = inMachine('/etc/openrouter-proxy/config.yml');
    const section = `base_url: "http://127.0.0.1:${FAKE_PORT}/api/v1", keys: [${keys.join(', ')}]`;
    await writeFile(file, `openrouter: { ${section} }\nserver: { access_key: ${accessKey} }\n`);
    await dropIn('LoadCredential=\nSetCredential=');
    expect(await answers()).toBe(true);
    await writeFile(file, CONFIG);
  });

  it('says that systemd passes no credentials when it finds no key for that reason', async () => {
    expect((await machine.run('systemctl', 'restart', UNIT)).exitCode).toBe(1);
    expect(await property('ExecMainStatus')).toBe('78');
    expect(await journal('-n', '20')).toContain('systemd passes no credentials');
    await dropIn('');
    expect(await answers()).toBe(true);
  });

  it('keeps configuration and state through an upgrade, and nothing of the old program', async () => {
    const kept = [
      '/etc/openrouter-proxy/config.yml',
      '/etc/openrouter-proxy/openrouter_keys',
      '/etc/openrouter-proxy/access_key',
      '/var/lib/openrouter-proxy/access_key.unused', // the credential comes before it
    ].map(inMachine);
    const read = () => Promise.all(kept.map((file) => readFile(file, 'utf8')));
    const store = async () => (await stat(inMachine('/var/lib/openrouter-proxy/kms.db'))).ino;
    const before = [...(await read()), await store()];
    const old = inMachine('/opt/openrouter-proxy/of-old');
    await mkdir(old);
    expect((await install()).exitCode).toBe(0);
    expect(existsSync(old)).toBe(false);
    expect([...(await read()), await store()]).toEqual(before);
    expect(await answers()).toBe(true);
  });

  it('writes a journal that people can read, without secrets', async () => {
    const text = await journal('--output=short');
    expect(text).toContain('openrouter-proxy[');
    expect(text).toContain('"message":"ready"');
    const token = await readFile(
      path.join(
        '/proc',
        String(await service('launcher')),
        'root/run/openrouter-proxy/operator.token',
      ),
      'utf8',
    );
    for (const secret of [...keys, accessKey, token.trim()]) expect(text).not.toContain(secret);
  });

  it('is removed, but not its configuration and state', async () => {
    expect((await uninstall()).exitCode).toBe(0);
    const left = await machine.ask('find', '/etc', '/opt', '/usr/local', '/run', ...named());
    expect(left.split('\n').sort()).toEqual([
      '/etc/openrouter-proxy',
      `/etc/systemd/system/${UNIT}.d`,
    ]);
    expect(existsSync(inMachine('/var/lib/openrouter-proxy/kms.db'))).toBe(true);
    expect((await machine.run('systemctl', 'cat', UNIT)).exitCode).toBe(1);
    expect((await machine.processes()).filter(({ command }) => command.includes('/opt/'))).toEqual(
      [],
    );
  });

  it('comes back with its configuration and state', async () => {
    expect((await install()).exitCode).toBe(0);
    expect(await answers()).toBe(true);
  });

  it('leaves nothing when it is purged, twice', async () => {
    expect((await uninstall('--purge')).exitCode).toBe(0);
    expect((await uninstall('--purge')).exitCode).toBe(0);
    const places = ['/etc', '/opt', '/usr', '/var', '/run'];
    const left = await machine.ask('find', ...places, '-xdev', ...named());
    expect(left).toBe('');
    expect((await machine.run('id', 'openrouter-proxy')).exitCode).toBe(1);
    await rm(inMachine('/root/my keys'));
  });

  /** What `find` is told to find everything of ours. */
  const named = () => ['(', '-name', '*openrouter-proxy*', '-o', '-name', 'kms*', ')', '-prune'];
});
