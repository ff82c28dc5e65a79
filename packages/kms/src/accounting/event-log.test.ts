import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { EventLog, type NewEvent } from './event-log.ts';

const lifted: NewEvent = { kind: 'lifted', scope: 'upstream', model: null };

test('who begins is told where to go on from, and nothing of the past', async () => {
  const log = new EventLog(new ManualClock());
  log.add(lifted);
  expect(await log.after(null, 0)).toEqual({ events: [], last: 1 });
});

test('who waits is told as soon as something happens', async () => {
  const clock = new ManualClock();
  const log = new EventLog(clock);
  const waiting = log.after(0, 60_000);
  log.add(lifted);
  expect(await waiting).toEqual({ events: [{ ...lifted, id: 1, at: clock.now() }], last: 1 });
});

test('who waits in vain is told so when the time is over', async () => {
  const clock = new ManualClock();
  const waiting = new EventLog(clock).after(0, 60_000);
  clock.advance(60_000);
  expect(await waiting).toEqual({ events: [], last: 0 });
});

test('who is behind is told everything at once', async () => {
  const log = new EventLog(new ManualClock());
  for (let n = 0; n < 3; n += 1) log.add(lifted);
  const { events } = await log.after(1, 60_000);
  expect(events.map(({ id }) => id)).toEqual([2, 3]);
});

test('who knows an earlier life of the service is told everything of this one', async () => {
  const log = new EventLog(new ManualClock());
  log.add(lifted);
  expect((await log.after(900, 0)).events).toHaveLength(1);
});

test('the last 500 are remembered', async () => {
  const log = new EventLog(new ManualClock());
  for (let n = 0; n < 900; n += 1) log.add(lifted);
  const { events, last } = await log.after(0, 0);
  expect([events.length, events[0]?.id, last]).toEqual([500, 401, 900]);
});

test('nobody waits on a log that is closed', async () => {
  const log = new EventLog(new ManualClock());
  const waiting = log.after(0, 60_000);
  log.close();
  expect(await waiting).toEqual({ events: [], last: 0 });
});
