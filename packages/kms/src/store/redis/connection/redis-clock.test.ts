import { systemClock } from '@openrouter-proxy/runtime';
import { expect, it } from 'vitest';
import { RedisClock } from './redis-clock.ts';

const HOUR = 3_600_000;

/** A clock on a machine whose own is an hour ahead. */
function start() {
  const time = { elapsed: 0, machine: HOUR };
  const machine = { ...systemClock, now: () => time.machine };
  return { clock: new RedisClock(machine, () => time.elapsed), time };
}

it('is the machine’s before Redis has said anything', () => {
  expect(start().clock.now()).toBe(HOUR);
});

it('is Redis’ from then on, as exactly as can be told', () => {
  const { clock, time } = start();
  time.elapsed = 10;
  clock.learn(1_000, 0, 10); // Redis looked at its clock within these 10 ms
  expect(clock.now()).toBeGreaterThanOrEqual(1_000);
  expect(clock.now()).toBeLessThanOrEqual(1_010);
});

it('goes on whatever becomes of the machine’s own', () => {
  const { clock, time } = start();
  clock.learn(1_000, 0, 0);
  time.machine = -HOUR;
  time.elapsed = 5_000;
  expect(clock.now()).toBe(6_000);
});

it('is not moved by an answer that agrees with it', () => {
  const { clock, time } = start();
  clock.learn(1_000, 0, 0);
  time.elapsed = 400;
  clock.learn(1_200, 0, 400);
  expect(clock.now()).toBe(1_400);
});
