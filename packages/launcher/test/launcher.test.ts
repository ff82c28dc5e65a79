import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { EXIT } from '@openrouter-proxy/runtime';
import { describe, expect, it } from 'vitest';
import { linesOf, someKey, startProduct, testFolder } from './fixtures/product.ts';
import { eventually, isRunning } from './fixtures/stage.ts';

describe('a start that cannot succeed', () => {
  it('ends with 78 and names every problem on a line of its own', async () => {
    const server = { port: 'many', log_level: 'LOUD' };
    const { ended, output } = await startProduct(await testFolder(), server, {});
    expect(await ended).toBe(EXIT.configuration);
    expect(output.stdout).toBe('');
    for (const problem of ['server.port', 'server.log_level', 'no OpenRouter key']) {
      expect(output.stderr.split('\n')).toContainEqual(expect.stringContaining(problem));
    }
  });

  it('ends with 75 when another instance runs, which keeps its operator token', async () => {
    const folder = await testFolder();
    const first = await startProduct(folder);
    await first.ready();
    const token = () => readFile(join(folder, '.openrouter-proxy', 'operator.token'), 'utf8');
    const before = await token();
    const second = await startProduct(folder);
    expect(await second.ended).toBe(EXIT.alreadyRunning);
    expect(second.output.stdout + second.output.stderr).toContain(
      `Another instance (process ${first.pid}) is running`,
    );
    expect(second.output.stdout + second.output.stderr).toContain(`\`kill ${first.pid}\``);
    expect(await token()).toBe(before);
  });

  it('ends, and does not try again, when the port is taken', async () => {
    const first = await startProduct(await testFolder());
    const { port } = new URL(String((await first.ready())['clients']));
    const second = await startProduct(await testFolder(), { port: Number(port) });
    expect(await second.ended).toBe(EXIT.configuration);
    expect(second.output.stderr).toContain(`127.0.0.1:${port}`);
  });
});

describe('a running system', () => {
  it('stops when the terminal that shows its log is closed, and not before', async () => {
    const folder = await testFolder();
    await writeFile(join(folder, 'config.yml'), 'server: { port: 0 }\n', { mode: 0o600 });
    const launcher = join(import.meta.dirname, '../../../dist/launcher.js');
    // `script` gives it a terminal, and closes that when it is killed.
    const terminal = execa(
      'script',
      ['-qc', `exec '${process.execPath}' '${launcher}'`, '/dev/null'],
      {
        ...{ cwd: folder, stdin: 'pipe', reject: false, detached: true },
        env: { OPENROUTER_KEYS: someKey() },
      },
    );
    let shown = '';
    terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await eventually(() => (shown.includes('KMS socket') ? true : undefined));
    const pidFile = await readFile(join(folder, '.openrouter-proxy', 'launcher.pid'), 'utf8');
    const pid = Number.parseInt(pidFile, 10);
    process.kill(pid, 'SIGHUP'); // the terminal is there: only a reload
    await eventually(() => (/configuration .*|reload/.test(shown) ? true : undefined));
    expect(isRunning(pid)).toBe(true);
    terminal.kill('SIGKILL');
    await terminal;
    await eventually(() => (isRunning(pid) ? undefined : true));
  });

  it('says where everything is, and lets a client in with the key it made', async () => {
    const folder = await testFolder();
    const { ready, output } = await startProduct(folder);
    const { clients, dashboard, accessKey, keys, kmsSocket } = await ready();
    const path = join(folder, '.openrouter-proxy', 'access_key');
    expect([accessKey, keys]).toEqual([path, 1]);
    expect(kmsSocket).toBe(join(folder, '.openrouter-proxy', 'kms.sock'));
    const key = (await readFile(path, 'utf8')).trim();
    expect(output.stdout).not.toContain(key);
    const answer = await fetch(String(dashboard), { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    await answer.text();
    expect(clients).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/);
  });

  it('says it in a block of text to a person', async () => {
    const { output } = await startProduct(await testFolder(), { log_format: 'pretty' });
    await eventually(() => (output.stdout.includes('KMS socket') ? true : undefined));
    expect(output.stdout).toMatch(/\n {2}openrouter-proxy is ready\n\n {2}clients {5}http:/);
  });

  it('keeps the port that the system chose when the gateway is started again', async () => {
    const { ready, child } = await startProduct(await testFolder());
    const { clients } = await ready();
    process.kill(await child('gateway'), 'SIGKILL');
    expect((await ready(2))['clients']).toBe(clients);
  });

  it('shows no secret of its environment, and hands on none', async () => {
    const key = someKey();
    const access = `canary-${someKey()}`;
    const { ready, child, pid, output } = await startProduct(
      await testFolder(),
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
    expect(output.stdout + output.stderr).not.toMatch(/sk-or-|canary/);
  });
});

describe('a stop', () => {
  it.each([
    ['SIGTERM', 'launcher'],
    ['SIGINT', 'group'],
  ] as const)('by %s to the %s ends everything, with 0 and no restart', async (name, whom) => {
    const { ready, signal, ended, output, child } = await startProduct(await testFolder());
    await ready();
    const children = [await child('kms'), await child('gateway')];
    signal(name, whom);
    expect(await ended).toBe(EXIT.ok);
    expect(children.filter(isRunning)).toEqual([]);
    expect(linesOf(output.stdout, 'serving keys')).toHaveLength(1);
    const complaints = output.stdout
      .split('\n')
      .filter((line) => /"level":"(WARNING|ERROR|CRITICAL)"/.test(line))
      // From here it cannot be reached.
      .filter((line) => !/health: OpenRouter|OpenRouter could not be asked/.test(line));
    expect(complaints).toEqual([]);
    expect(output.stderr).toBe('');
  });

  it('by killing the launcher ends everything too', async () => {
    const { ready, signal, child } = await startProduct(await testFolder());
    await ready();
    const children = [await child('kms'), await child('gateway')];
    signal('SIGKILL');
    await eventually(() => (children.some(isRunning) ? undefined : true));
  });
});
