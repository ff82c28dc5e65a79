import { EventEmitter } from 'node:events';
import { systemClock } from '@openrouter-proxy/runtime';
import { expect, it } from 'vitest';
import { onSignals } from './signals.ts';

/** How often signals, each with the time at which it comes, are taken for a wish to stop. */
function wishes(...signals: readonly [name: string, at: number][]): number {
  return wishesOn(false, ...signals);
}

/** The same, of a process whose log went to a terminal that may be closed by now. */
function wishesOn(isClosed: boolean, ...signals: readonly [name: string, at: number][]): number {
  const process = new EventEmitter();
  let now = 0;
  let count = 0;
  const wish = {
    stop: () => void (count += 1),
    reload: () => void (count += 100),
    renew: () => void (count += 10_000),
  };
  onSignals(process, { ...systemClock, now: () => now }, () => isClosed, wish);
  for (const [name, at] of signals) {
    now = at;
    expect(process.emit(name)).toBe(true);
  }
  return count;
}

it.each(['SIGTERM', 'SIGINT'])('stops at %s', (signal) => {
  expect(wishes([signal, 0])).toBe(1);
});

it('treats the Ctrl-C that npm forwards as the one from the terminal', () => {
  expect(wishes(['SIGINT', 0], ['SIGINT', 40])).toBe(1);
});

it('treats a later signal as a second request to stop', () => {
  expect(wishes(['SIGINT', 0], ['SIGINT', 40], ['SIGTERM', 290])).toBe(2);
});

it('reads the configuration again at each SIGHUP', () => {
  expect(wishes(['SIGHUP', 0], ['SIGHUP', 1])).toBe(200);
});

it('stops once at SIGHUP when the terminal that showed the log is closed', () => {
  expect(wishesOn(true, ['SIGHUP', 0], ['SIGHUP', 900])).toBe(1);
});

it('renews the workers at each SIGUSR2', () => {
  expect(wishes(['SIGUSR2', 0], ['SIGUSR2', 1])).toBe(20_000);
});

it('does nothing at SIGUSR1', () => {
  expect(wishes(['SIGUSR1', 0])).toBe(0);
});
