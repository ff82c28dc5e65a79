import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { Candidate, Window, WindowSnapshot } from '../../state-store.ts';
import { Batcher } from './batcher.ts';
import type { KeySpace } from '../connection/key-space.ts';
import {
  COUNT,
  HOLD,
  IN_FORCE,
  LEAVE,
  RECONCILE,
  RESERVE,
  SNAPSHOT,
  TRANSFER,
  USED,
} from './lease-scripts.ts';
import {
  answerOf,
  type CountAsked,
  type LeaseEntry,
  type LeaveAnswer,
  type LeaveAsked,
  type RawReserved,
  type ReserveAnswer,
  type ReserveAsked,
} from './lease-messages.ts';
import type { Link } from '../connection/link.ts';
import type { Run } from '../connection/script.ts';
import { ScriptArguments } from '../connection/script.ts';

/** Batch sizes: a script must not block Redis for long. */
const RESERVES_AT_ONCE = 32;
const LEAVES_AT_ONCE = 64;
const READS_AT_ONCE = 500;
/** A window's count expires this long after the window's end. */
const WINDOW_LINGERS_MS = MINUTE_MS;
const NO_LIMIT = -1;
/** Leases are renewed while their machine runs. After a crash they expire within this time. */
const HELD_MS = 30_000;

/** Options of LeaseCalls. */
export interface LeaseCallsOptions {
  readonly link: Link;
  readonly keys: KeySpace;
  readonly now: () => number;
  /** Replaces Redis' clock in scripts; '' if it is used. */
  readonly givenTime: () => number | '';
}

/** Calls the lease scripts. The calls of one turn of the event loop share a message. */
export class LeaseCalls {
  readonly #options: LeaseCallsOptions;
  readonly #reserving: Batcher<ReserveAsked, ReserveAnswer>;
  readonly #leaving: Batcher<LeaveAsked, LeaveAnswer>;
  readonly #reading: Batcher<Window, number>;

  constructor(options: LeaseCallsOptions) {
    this.#options = options;
    const { run } = options.link;
    this.#reserving = new Batcher((asked) => this.#reserve(asked), RESERVES_AT_ONCE);
    this.#leaving = new Batcher((asked) => this.leaveAll(asked, run), LEAVES_AT_ONCE);
    this.#reading = new Batcher((windows) => this.#used(windows), READS_AT_ONCE);
  }

  reserve(asked: ReserveAsked): Promise<ReserveAnswer> {
    return this.#reserving.ask(asked);
  }

  leave(asked: LeaveAsked): Promise<LeaveAnswer> {
    return this.#leaving.ask(asked);
  }

  used(window: Window): Promise<number> {
    return this.#reading.ask(window);
  }

  /** The number of leases in each of these slots. */
  async inForce(slotIds: readonly string[]): Promise<Map<string, number>> {
    const { link, keys } = this.#options;
    const counts = new Map<string, number>();
    for (let from = 0; from < slotIds.length; from += READS_AT_ONCE) {
      const some = slotIds.slice(from, from + READS_AT_ONCE);
      const values = this.#arguments(...some.map((id) => keys.slot(id)));
      const answer = (await link.run(IN_FORCE, values)) as number[]; // one for each key
      for (const [index, id] of some.entries()) counts.set(id, answer[index] ?? 0);
    }
    return counts;
  }

  /** Ends leases, in batches of any size. */
  async leaveAll(asked: readonly LeaveAsked[], run: Run): Promise<LeaveAnswer[]> {
    const { keys } = this.#options;
    const values = this.#arguments().add(asked.length);
    for (const { leaseId, slotIds, windows, isForeign } of asked) {
      values.add(leaseId).addKey(isForeign ? keys.done(leaseId) : null);
      this.#addSlots(values, slotIds);
      values.add(windows.length);
      for (const window of windows) values.addKey(keys.window(window));
    }
    const answers = (await run(LEAVE, values)) as [isFirst: number, inSlot: number][]; // the form of the script's answer
    return answers.map(([isFirst, inSlot]) => ({ isFirst: isFirst === 1, inSlot }));
  }

  /** Activates leases. Returns whether each is active. */
  async hold(leases: readonly LeaseEntry[], run: Run): Promise<boolean[]> {
    const { keys, link, now } = this.#options;
    const values = this.#arguments(keys.epoch).add(...this.#fence(link), leases.length);
    for (const { leaseId, slotIds, expiresAt, isForeign } of leases) {
      values
        .add(leaseId)
        .addKey(isForeign ? keys.done(leaseId) : null)
        .add(Math.min(expiresAt - now(), HELD_MS));
      this.#addSlots(values, slotIds);
    }
    return ((await run(HOLD, values)) as number[]).map((held) => held === 1); // one for each lease
  }

  /** Adds to the counts of windows, only once for each `mark`. */
  async count(asked: readonly CountAsked[], mark: string | null, run: Run): Promise<void> {
    const { keys } = this.#options;
    const values = this.#arguments().addKey(mark === null ? null : keys.done(mark));
    values.add(asked.length);
    for (const { window, least, more } of asked) {
      values.addKey(keys.window(window)).addKey(keys.adjustment(window));
      values.add(lifetimeOf(window), least, more);
    }
    await run(COUNT, values);
  }

  /** See `StateStore.snapshot`. */
  async snapshot(window: Window, slotId: string): Promise<WindowSnapshot> {
    const { keys, link } = this.#options;
    const names = [keys.window(window), keys.adjustment(window), keys.slot(slotId)];
    const answer = (await link.run(SNAPSHOT, this.#arguments(...names))) as [number, number]; // the form of the script's answer
    return { given: answer[0], inFlight: answer[1] };
  }

  /** See `StateStore.reconcile`. Returns the count. */
  async reconcile(
    window: Window,
    used: number,
    { given, inFlight }: WindowSnapshot,
  ): Promise<number> {
    const { keys, link } = this.#options;
    const values = this.#arguments(keys.window(window), keys.adjustment(window));
    values.add(lifetimeOf(window), used + inFlight - given);
    return (await link.run(RECONCILE, values)) as number; // a count
  }

  /** See `StateStore.transfer`. Returns the count of `to`. */
  async transfer(from: Window, to: Window): Promise<number> {
    const { keys, link } = this.#options;
    const values = this.#arguments(keys.window(from), keys.adjustment(from), keys.window(to));
    return (await link.run(TRANSFER, values.add(lifetimeOf(to)))) as number; // a count
  }

  async #reserve(asked: readonly ReserveAsked[]): Promise<ReserveAnswer[]> {
    const { keys, link } = this.#options;
    const values = this.#arguments(keys.epoch, keys.cursor).add(...this.#fence(link), asked.length);
    for (const { candidates, ttlMs } of asked) {
      values.add(Math.min(ttlMs, HELD_MS), candidates.length);
      for (const candidate of candidates) this.#addCandidate(values, candidate);
    }
    return ((await link.run(RESERVE, values)) as RawReserved[]).map(answerOf);
  }

  #addCandidate(values: ScriptArguments, { leaseId, slots, windows }: Candidate): void {
    const { keys } = this.#options;
    values.add(leaseId, slots.length);
    for (const { id, limit } of slots) values.addKey(keys.slot(id)).add(limit ?? NO_LIMIT);
    values.add(windows.length);
    for (const window of windows) {
      values.addKey(keys.window(window)).add(window.limit ?? NO_LIMIT, lifetimeOf(window));
    }
  }

  async #used(windows: readonly Window[]): Promise<number[]> {
    const { keys, link } = this.#options;
    // The same window may be asked for twice in one batch.
    const names = windows.map((window) => keys.window(window));
    const values = new ScriptArguments(...names);
    const counts = (await link.run(USED, values)) as (string | null)[]; // the answer of MGET
    const known = new Map(values.keys.map((name, index) => [name, Number(counts[index] ?? 0)]));
    return names.map((name) => known.get(name) ?? 0);
  }

  #arguments(...keys: string[]): ScriptArguments {
    return new ScriptArguments(...keys).add(this.#options.givenTime());
  }

  /** A given time has no deadline. */
  #fence(link: Link): [epoch: string, deadline: number | ''] {
    const [epoch, deadline] = link.fence();
    return [epoch, this.#options.givenTime() === '' ? deadline : ''];
  }

  #addSlots(values: ScriptArguments, slotIds: readonly string[]): void {
    values.add(slotIds.length);
    for (const id of slotIds) values.addKey(this.#options.keys.slot(id));
  }
}

const lifetimeOf = ({ startsAt, endsAt }: Window) => endsAt - startsAt + WINDOW_LINGERS_MS;
