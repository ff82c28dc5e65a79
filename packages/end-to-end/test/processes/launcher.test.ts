import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { EXIT } from '@openrouter-proxy/runtime';
import { describe, expect, it } from 'vitest';
import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { launch, linesOf } from '../support/launched.ts';
import { isRunning } from '../support/processes.ts';
import { newKey, temporaryFolder } from '../support/system.ts';

describe('a start that cannot succeed', () => {
  it('ends with 78 and names every problem on a line of its own', async () => {
    const server = { port: 'many', log_level: 'LOUD' };
    const { ended, stdout, stderr } = await launch(await temporaryFolder(), server, {});
    expect(await ended).toBe(EXIT.configuration);
    expect(stdout.text).toBe('');
    for (const problem of ['server.port', 'server.log_level', 'no OpenRouter key']) {
      expect(stderr.text.split('\n')).toContainEqual(expect.stringContaining(problem));
    }
  });

  it('ends with 75 when another instance runs, which keeps its operator token', async () => {
    const folder = await temporaryFolder();
    const first = await launch(folder);
    await first.ready();
    const token = () => readFile(join(folder, '.openrouter-proxy', 'operator.token'), 'utf8');
    const before = await token();
    const second = await launch(folder);
    expect(await second.ended).toBe(EXIT.alreadyRunning);
    expect(second.stdout.text + second.stderr.text).toContain(
      `Another instance (process ${first.pid}) is running`,
    );
    expect(second.stdout.text + second.stderr.text).toContain(`\`kill ${first.pid}\``);
    expect(await token()).toBe(before);
  });

  it('ends, and does not try again, when the port is taken', async () => {
    const first = await launch(await temporaryFolder());
    const { port } = new URL(String((await first.ready())['clients']));
    const second = await launch(await temporaryFolder(), { port: Number(port) });
    expect(await second.ended).toBe(EXIT.configuration);
    expect(second.stderr.text).toContain(`127.0.0.1:${port}`);
  });
});

describe('a running system', () => {
  it('stops when the terminal that shows its log is closed, and not before', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'config.yml'), 'server: { port: 0 }\n', { mode: 0o600 });
    // `script` gives it a terminal, and closes that when it is killed.
    const terminal = execa(
      'script',
      ['-qc', `exec '${process.execPath}' '${PROGRAMS.launcher}'`, '/dev/null'],
      {
        ...{ cwd: folder, stdin: 'pipe', reject: false, detached: true },
        env: { OPENROUTER_KEYS: newKey() },
      },
    );
    let shown = '';
    terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await expect.poll(() => shown.includes('KMS socket')).toBe(true);
    const pidFile = await readFile(join(folder, '.openrouter-proxy', 'launcher.pid'), 'utf8');
    const pid = Number.parseInt(pidFile, 10);
    process.kill(pid, 'SIGHUP'); // the terminal is there: only a reload
    await expect.poll(() => /configuration .*|reload/.test(shown)).toBe(true);
    expect(isRunning(pid)).toBe(true);
    terminal.kill('SIGKILL');
    await terminal;
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('says where everything is, and lets a client in with the key it made', async () => {
    const folder = await temporaryFolder();
    const { ready, stdout } = await launch(folder);
    const { clients, dashboard, accessKey, keys, kmsSocket } = await ready();
    const path = join(folder, '.openrouter-proxy', 'access_key');
    expect([accessKey, keys]).toEqual([path, 1]);
    expect(kmsSocket).toBe(join(folder, '.openrouter-proxy', 'kms.sock'));
    const key = (await readFile(path, 'utf8')).trim();
    expect(stdout.text).not.toContain(key);
    const answer = await fetch(String(dashboard), { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    await answer.text();
    expect(clients).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/);
  });

  it('says it in a block of text to a person', async () => {
    const { stdout } = await launch(await temporaryFolder(), { log_format: 'pretty' });
    await expect.poll(() => stdout.text.includes('KMS socket')).toBe(true);
    expect(stdout.text).toMatch(/\n {2}openrouter-proxy is ready\n\n {2}clients {5}http:/);
  });

  it('keeps the port that the system chose when the gateway is started again', async () => {
    const { ready, child } = await launch(await temporaryFolder());
    const { clients } = await ready();
    process.kill(await child('gateway'), 'SIGKILL');
    expect((await ready(2))['clients']).toBe(clients);
  });

  it('shows no secret of its environment, and hands on none', async () => {
    const key = newKey();
    const access = `canary-${newKey()}`;
    const { ready, child, pid, stdout, stderr } = await launch(
      await temporaryFolder(),
      {},
      {
        OPENROUTER_KEYS: key,
        OPENROUTER_PROXY_ACCESS_KEY: access,
        REDIS_URL: 'redis://:canary@127.0.0.1',
        NODE_OPTIONS: '--no-deprecation',
        LANG: 'C.UTF-8',
      },
    );
    await ready();
    const environment = async (of: number) => await readFile(`/proc/${of}/environ`, 'utf8');
    expect(await environment(pid)).not.toMatch(/sk-or-|canary-/);
    for (const name of ['kms', 'gateway'] as const) {
      const variables = (await environment(await child(name))).split('\0').filter(Boolean);
      const names = variables.map((variable) => variable.split('=')[0]);
      expect(names.sort()).toEqual([
        'LANG',
        'NODE_CHANNEL_FD',
        'NODE_CHANNEL_SERIALIZATION_MODE',
        'NODE_COMPILE_CACHE',
        'NODE_ENV',
        'PATH',
      ]);
    }
    expect(stdout.text + stderr.text).not.toMatch(/sk-or-|canary/);
  });
});

describe('a stop', () => {
  it.each([
    ['SIGTERM', 'launcher'],
    ['SIGINT', 'group'],
  ] as const)('by %s to the %s ends everything, with 0 and no restart', async (name, whom) => {
    const { ready, signal, ended, stdout, stderr, child } = await launch(await temporaryFolder());
    await ready();
    const children = [await child('kms'), await child('gateway')];
    signal(name, whom);
    expect(await ended).toBe(EXIT.ok);
    expect(children.filter(isRunning)).toEqual([]);
    expect(linesOf(stdout, 'serving keys')).toHaveLength(1);
    const complaints = stdout.text
      .split('\n')
      .filter((line) => /"level":"(WARNING|ERROR|CRITICAL)"/.test(line))
      // From here it cannot be reached.
      .filter((line) => !/health: OpenRouter|OpenRouter could not be asked/.test(line));
    expect(complaints).toEqual([]);
    expect(stderr.text).toBe('');
  });

  it('by killing the launcher ends everything too', async () => {
    const { ready, signal, child } = await launch(await temporaryFolder());
    await ready();
    const children = [await child('kms'), await child('gateway')];
    signal('SIGKILL');
    await expect.poll(() => children.some(isRunning)).toBe(false);
  });
});
