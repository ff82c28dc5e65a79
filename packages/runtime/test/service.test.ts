import { once } from 'node:events';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, it } from 'vitest';
import { EXIT } from '../src/index.ts';

const program = join(import.meta.dirname, 'fixtures', 'service.ts');

const start = (configuration?: object) => {
  const service = execa(process.execPath, [program], { stdin: 'pipe', ipc: true, reject: false });
  if (configuration) service.stdin.write(`${JSON.stringify(configuration)}\n`);
  running.push(service);
  return service;
};
const running: { kill(signal: 'SIGKILL'): boolean }[] = [];

const untilReady = async (service: ReturnType<typeof start>) => {
  const [message] = (await once(service.nodeChildProcess, 'message')) as [unknown];
  return message;
};
const messages = (stdout: string) =>
  stdout.split('\n').map((line) => (JSON.parse(line) as { message: string }).message);

afterEach(() => {
  for (const service of running.splice(0)) service.kill('SIGKILL');
});

describe('a service', () => {
  it('announces over the IPC channel that it is ready, with its address', async () => {
    const service = start({ task: 'serve' });
    expect(await untilReady(service)).toEqual({
      ready: { address: { host: '127.0.0.1', port: 1234 } },
    });
  });

  it('applies a new configuration, and may send requests to the launcher', async () => {
    const service = start({ task: 'serve' });
    await untilReady(service);
    service.nodeChildProcess.send({ ask: { id: 7, what: { configure: { other: true } } } });
    const asked = await untilReady(service);
    expect(asked).toEqual({ ask: { id: 1, what: 'why' } });
    service.nodeChildProcess.send({ answer: { id: 1, value: 'because' } });
    expect(await untilReady(service)).toEqual({ answer: { id: 7, value: { problem: null } } });
    service.kill('SIGTERM');
    const { stdout } = await service;
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
      message: 'configured',
      changed: { other: true },
      answer: 'because',
    });
  });

  it('reports that it cannot apply a configuration, without quoting the error', async () => {
    const service = start({ task: 'serve', canary: 'canary' });
    await untilReady(service);
    service.nodeChildProcess.send({ ask: { id: 1, what: { configure: 'nonsense' } } });
    expect(await untilReady(service)).toEqual({
      answer: { id: 1, value: { problem: 'TypeError' } },
    });
    service.kill('SIGTERM');
    expect((await service).exitCode).toBe(EXIT.ok);
  });

  it('drains at SIGTERM, however often it comes, and exits with 0', async () => {
    const service = start({ task: 'serve' });
    await untilReady(service);
    service.kill('SIGTERM');
    await once(service.stdout, 'data');
    service.kill('SIGTERM');
    const { exitCode, stdout } = await service;
    expect(exitCode).toBe(EXIT.ok);
    expect(messages(stdout)).toEqual(['draining', 'drained']);
  });

  it.each(['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)(
    'leaves %s to the launcher',
    async (signal) => {
      const service = start({ task: 'serve' });
      await untilReady(service);
      service.kill(signal);
      service.kill('SIGTERM');
      const { exitCode, stdout, stderr } = await service;
      expect([exitCode, messages(stdout), stderr]).toEqual([EXIT.ok, ['draining', 'drained'], '']);
    },
  );

  it.each([
    ['standard input ends', (service: ReturnType<typeof start>) => void service.stdin.end()],
    ['the IPC channel closes', (service) => service.nodeChildProcess.disconnect()],
  ])('leaves at once when %s: the launcher is gone', async (_case, goAway) => {
    const service = start({ task: 'serve' });
    await untilReady(service);
    goAway(service);
    const { exitCode, stdout } = await service;
    expect([exitCode, stdout]).toEqual([EXIT.gaveUp, '']);
  });

  it('goes on when nobody reads its log any more', async () => {
    const service = start({ task: 'serve' });
    await untilReady(service);
    service.stdout.destroy();
    service.kill('SIGTERM');
    expect((await service).exitCode).toBe(EXIT.ok);
  });
});

describe('a service that fails', () => {
  it('prints every problem of a refused start on a line of its own', async () => {
    const { exitCode, stderr } = await start({ task: 'refuse' });
    expect([exitCode, stderr]).toEqual([EXIT.configuration, 'one thing\nanother']);
  });

  it('shows where a fault happened, with keys masked', async () => {
    const canary = 'c'.repeat(64);
    const { exitCode, stderr } = await start({ task: 'fault', canary });
    expect(exitCode).toBe(EXIT.gaveUp);
    expect(stderr).toMatch(/a fault with \*\*\*[^]*service\.ts/);
  });

  it.each([
    ['crash', 'nobody caught this'],
    ['fail-to-drain', 'the store is gone'],
  ])('logs the error once and exits with 1 (%s)', async (task, error) => {
    const service = start({ task });
    await untilReady(service);
    if (task === 'fail-to-drain') service.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await service;
    expect([exitCode, stderr]).toEqual([EXIT.gaveUp, '']);
    expect(JSON.parse(stdout.split('\n').at(-1) ?? '')).toMatchObject({
      level: 'CRITICAL',
      error: { error },
      stack: expect.stringContaining('service.ts') as string,
    });
  });

  it('tells a person who starts it by hand what to do instead', async () => {
    const service = start();
    service.stdin.end();
    const { exitCode, stderr } = await service;
    expect([exitCode, stderr]).toEqual([EXIT.gaveUp, expect.stringContaining('npm start')]);
  });
});
