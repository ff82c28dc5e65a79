import {
  EXIT,
  systemClock,
  type Clock,
  type LogFields,
  type Logger,
} from '@openrouter-proxy/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childEnvironment } from '../src/programs/child-environment.ts';
import type { Conditions } from '../src/supervision/keep-running.ts';
import type { Program } from '../src/supervision/program.ts';
import type { Ready } from '../src/supervision/readiness.ts';
import { DEFAULT_POLICY, type RestartPolicy } from '@openrouter-proxy/runtime';
import { Supervisor } from '../src/supervision/supervisor.ts';
import { Stage, eventually, isThere } from './fixtures/stage.ts';

/**
 * Delays and `quietMs` are a fiftieth of the real ones. `soundMs` is the real one, and the crash loop's
 * window is 20 minutes, so that a slow machine changes no verdict.
 */
const QUICK: RestartPolicy = {
  firstDelayMs: 10,
  longestDelayMs: 600,
  quietMs: 1200,
  soundMs: 3_000,
  crashLoop: { ends: 5, withinMs: 1200_000 },
};

let stage: Stage;
let supervisor: Supervisor;
let logged: { message: string; fields: LogFields }[];

const logger = (): Logger => {
  const log = (message: string, fields: LogFields = {}) => void logged.push({ message, fields });
  const leveled = (_level: string, message: string, fields?: LogFields) => log(message, fields);
  return { log: leveled, debug: log, info: log, warning: log, error: log, critical: log };
};

function newSupervisor(changes: Partial<Conditions> = {}): Supervisor {
  return new Supervisor({
    policy: QUICK,
    deadlines: { announceMs: 10_000, answerMs: 5_000 },
    environment: childEnvironment(process.env),
    logger: logger(),
    clock: systemClock,
    ...changes,
  });
}

/** Starts programs and lets the test wait for each to come to serve. */
function run(...programs: Program[]) {
  const ready: { name: string; ready: Ready }[] = [];
  const code = supervisor.run(programs, (program, how) => {
    ready.push({ name: program.name, ready: how });
    return Promise.resolve();
  });
  const serves = (name: string, times = 1) =>
    eventually(() => ready.filter((each) => each.name === name)[times - 1]?.ready);
  return { code, serves };
}

beforeEach(async () => {
  stage = await Stage.set();
  logged = [];
  supervisor = newSupervisor();
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
});

describe('starting', () => {
  it('starts a program when the one before it answers', async () => {
    const order: string[] = [];
    const kms = stage.program('kms', 'serves');
    const gateway = stage.program('gateway', 'serves');
    const { code, serves } = run(
      {
        ...kms,
        ask: () =>
          Promise.resolve({ kind: 'ready' } as const).finally(() => order.push('kms answers')),
      },
      { ...gateway, configuration: () => (order.push('gateway starts'), gateway.configuration()) },
    );
    await serves('gateway');
    expect(order).toEqual(['kms answers', 'gateway starts']);
    supervisor.stop();
    await code;
  });

  it('tells at which address a program listens', async () => {
    const { code, serves } = run(stage.program('gateway', 'serves'));
    const { address } = await serves('gateway');
    expect(address).toEqual({ host: '127.0.0.1', port: expect.any(Number) as number });
    supervisor.stop();
    await code;
  });

  it('asks a program until it answers', async () => {
    let calls = 0;
    const ask: Program['ask'] = () =>
      ++calls < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve({ kind: 'ready' });
    const { code, serves } = run(stage.program('kms', 'serves', {}, { ask }));
    await serves('kms');
    expect(calls).toBe(3);
    supervisor.stop();
    await code;
  });

  it('accepts a program that stays not ready', async () => {
    supervisor = newSupervisor({ deadlines: { announceMs: 10_000, answerMs: 50 } });
    const hindered = { kind: 'not-ready', reason: 'every key cools down' } as const;
    const ask = () => Promise.resolve(hindered);
    const { code, serves } = run(stage.program('gateway', 'serves', {}, { ask }));
    expect((await serves('gateway')).answer).toEqual(hindered);
    supervisor.stop();
    expect(await code).toBe(EXIT.ok);
  });

  it('restarts a program that is not ready in time', async () => {
    supervisor = newSupervisor({ deadlines: { announceMs: 3_000, answerMs: 50 } });
    const { code } = run(stage.program('kms', 'never-ready'));
    const first = await stage.happened('kms hangs');
    await stage.happened('kms hangs', 2);
    expect(isThere(first)).toBe(false);
    supervisor.stop();
    supervisor.stop();
    await code;
  });

  it('restarts a program that is started but answers no call', async () => {
    supervisor = newSupervisor({ deadlines: { announceMs: 10_000, answerMs: 50 } });
    const ask = () => Promise.reject(new Error('nothing answers'));
    const { code } = run(stage.program('kms', 'serves', {}, { ask }));
    await stage.happened('kms serves', 2);
    supervisor.stop();
    await code;
    expect(logged[0]?.fields['error']).toMatchObject({ message: 'up, but it does not answer' });
  });

  it.each([EXIT.configuration, EXIT.alreadyRunning])(
    'ends with code %i, at once, when a program says so before it ever served',
    async (code) => {
      const gateway = stage.program('gateway', 'exits-at-once', { code });
      const { code: ended } = run(stage.program('kms', 'serves'), gateway);
      expect(await ended).toBe(code);
      expect(await stage.story()).toEqual([
        'kms serves',
        'gateway exits',
        'kms drains',
        'kms drained',
      ]);
    },
  );

  it('ends well when it is stopped before everything serves', async () => {
    const { code } = run(stage.program('kms', 'never-ready'), stage.program('gateway', 'serves'));
    await stage.happened('kms hangs');
    supervisor.stop();
    expect(await code).toBe(EXIT.ok);
    expect(await stage.story()).toEqual(['kms hangs']);
  });
});

describe('keeping running', () => {
  it('starts a killed program again and leaves the other alone', async () => {
    const { code, serves } = run(
      stage.program('kms', 'serves'),
      stage.program('gateway', 'serves'),
    );
    await serves('gateway');
    const killed = await stage.happened('kms serves');
    const other = await stage.happened('gateway serves');
    process.kill(killed, 'SIGKILL');
    await serves('kms', 2);
    expect(isThere(other)).toBe(true);
    expect(logged[0]?.message).toBe('the kms was ended by SIGKILL');
    supervisor.stop();
    await code;
    expect(await stage.happened('gateway serves', 1)).toBe(other);
  });

  it('leaves no zombie behind', async () => {
    const { code, serves } = run(stage.program('kms', 'serves'));
    await serves('kms');
    const killed = await stage.happened('kms serves');
    process.kill(killed, 'SIGKILL');
    await serves('kms', 2);
    expect(isThere(killed)).toBe(false);
    supervisor.stop();
    await code;
  });

  it('waits before each restart as the policy says, then gives up with code 1', async () => {
    const waits: number[] = [];
    const clock: Clock = {
      now: () => systemClock.now(),
      sleep: (ms, signal) => {
        if (ms < QUICK.longestDelayMs && ms >= QUICK.firstDelayMs && signal) waits.push(ms);
        return systemClock.sleep(ms, signal);
      },
    };
    const neverQuiet = { ...QUICK, quietMs: Infinity }; // an exit may take long on a slow machine
    supervisor = newSupervisor({ clock, policy: neverQuiet });
    const { code } = run(
      stage.program('kms', 'serves'),
      stage.program('gateway', 'exits-at-once', { code: 3 }),
    );
    expect(await code).toBe(EXIT.gaveUp);
    expect(waits).toEqual([10, 20, 40, 80]);
    expect((await stage.story()).slice(1)).toEqual([
      ...Array<string>(5).fill('gateway exits'),
      'kms drains',
      'kms drained',
    ]);
    expect(logged.at(-1)?.message).toBe(
      'giving up after repeated crashes: the gateway exited with code 3',
    );
  });

  it('restarts a program that ends with a final code after it has served', async () => {
    const kms = stage.program('kms', 'serves');
    let starts = 0;
    const changing: Program = {
      ...kms,
      get path() {
        starts += 1;
        return starts === 2 ? stage.program('kms', 'exits-at-once').path : kms.path;
      },
      configuration: () => ({ ...(kms.configuration() as object), code: EXIT.configuration }),
    };
    const { code, serves } = run(changing);
    await serves('kms');
    process.kill(await stage.happened('kms serves'), 'SIGKILL');
    await serves('kms', 2);
    expect(await stage.story()).toEqual(['kms serves', 'kms exits', 'kms serves']);
    supervisor.stop();
    await code;
  });

  it('says why a program could not be started at all', async () => {
    supervisor = newSupervisor({ environment: { HUGE: 'x'.repeat(1 << 20) } });
    const { code } = run(stage.program('kms', 'serves'));
    expect(await code).toBe(EXIT.gaveUp);
    expect(logged[0]?.message).toMatch(/^the kms could not be started: .*E2BIG/);
  });
});

describe('stopping', () => {
  it('lets each program finish before the one it depends on is told to', async () => {
    const { code, serves } = run(
      stage.program('kms', 'serves'),
      stage.program('gateway', 'serves', { drainMs: 200 }),
    );
    await serves('gateway');
    supervisor.stop();
    expect(await code).toBe(EXIT.ok);
    expect((await stage.story()).slice(2)).toEqual([
      'gateway drains',
      'gateway drained',
      'kms drains',
      'kms drained',
    ]);
  });

  it('starts nothing again once it is stopping', async () => {
    const { code, serves } = run(
      stage.program('kms', 'serves'),
      stage.program('gateway', 'serves', { drainMs: 300 }),
    );
    await serves('gateway');
    supervisor.stop();
    await stage.happened('gateway drains');
    process.kill(await stage.happened('kms serves'), 'SIGKILL');
    expect(await code).toBe(EXIT.ok);
    expect((await stage.story()).slice(2)).toEqual(['gateway drains', 'gateway drained']);
  });

  it('ends at once while it waits before a restart', async () => {
    supervisor = newSupervisor({
      policy: { ...DEFAULT_POLICY, firstDelayMs: 60_000, longestDelayMs: 60_000 },
    });
    const { code } = run(stage.program('kms', 'exits-at-once', { code: 1 }));
    await eventually(() => logged[0]);
    supervisor.stop();
    expect(await code).toBe(EXIT.ok);
  });

  it('kills a program that does not end within its grace', async () => {
    const { code, serves } = run(
      stage.program('gateway', 'ignores-sigterm', {}, { stopGraceMs: 100 }),
    );
    await serves('gateway');
    const pid = await stage.happened('gateway serves');
    supervisor.stop();
    expect(await code).toBe(EXIT.ok);
    expect(await stage.story()).toEqual(['gateway serves', 'gateway ignores']);
    expect(isThere(pid)).toBe(false);
  });

  it('kills everything when it is told to stop a second time', async () => {
    const { code, serves } = run(
      stage.program('kms', 'serves'),
      stage.program('gateway', 'ignores-sigterm', {}, { stopGraceMs: 60_000 }),
    );
    await serves('gateway');
    supervisor.stop();
    await stage.happened('gateway ignores');
    supervisor.stop();
    expect(await code).toBe(EXIT.ok);
    expect(await stage.story()).toEqual(['kms serves', 'gateway serves', 'gateway ignores']);
  });
});
