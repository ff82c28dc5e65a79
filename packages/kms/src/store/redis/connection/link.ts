import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisUrl } from '@openrouter-proxy/config';
import { HOUR_MS } from '@openrouter-proxy/runtime';
import { StateUnavailable, type Machine } from '../../state-store.ts';
import { FORGET_MACHINE } from './cell-scripts.ts';
import { COMMAND_TIMEOUT_MS, Connection } from './connection.ts';
import { heartbeat, MAX_CHANGES, type HeartbeatDeps, type RemoteCell } from './heartbeat.ts';
import { ScriptArguments, type Run } from './script.ts';
import { troubleWith, wantsNewConnection } from './trouble.ts';

const HEARTBEAT_EVERY_MS = 1_000;
const RETRY_EVERY_MS = 150;
/** For this long after an outage, other machines may still reconnect and this one may miss messages. */
const UNSETTLED_MS = 5_000;
/** Changes in quick succession are read together. */
const MIN_PAUSE_MS = 10;
/** Every cell is compared with Redis from time to time. */
const COMPARE_EVERY_MS = HOUR_MS;
/** A command that runs later than this after it was sent is not wanted any more. */
const TOO_LATE_MS = COMMAND_TIMEOUT_MS + 50;

/** The state in Redis, as read by one or more heartbeats. */
export interface LinkSnapshot {
  /** The slot that was entered last, by its name; '' if none was. */
  readonly cursor: string;
  /** The changed cells, or all cells. */
  readonly changes: readonly RemoteCell[];
  /** `changes` has all cells. */
  readonly isWhole: boolean;
  /** The name of the state. */
  readonly epoch: string;
  /** The state is another one than before: the old one was lost, or none was known. */
  readonly isOther: boolean;
}

/** An outage of Redis. */
export interface Outage {
  /** By `performance.now()`. */
  readonly since: number;
  readonly reason: string;
}

/** Options of a link. */
export interface LinkOptions extends HeartbeatDeps {
  readonly url: RedisUrl;
  /** The epoch of the last known state; '' if none is known. */
  readonly knownEpoch: string;
  /** Applies the state in Redis. After an outage it also writes what Redis has missed. */
  readonly onSnapshot: (snapshot: LinkSnapshot, run: Run, isAfterOutage: boolean) => Promise<void>;
  /** Called when an outage begins, and with null when it ends. */
  readonly onOutage: (outage: Outage | null) => void;
}

/**
 * The link to Redis. It sends heartbeats, which read the changes of other machines. During an outage
 * only heartbeats are sent; the state is resynchronized before other commands are allowed again.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #connection: Connection;
  #epoch = '';
  #knownEpoch: string;
  /** The version of the last change that was read. */
  #seen = 0;
  #comparedAt = -Infinity;
  #reconnectedAt = -Infinity;
  #outage: Outage | null = { since: performance.now(), reason: 'Redis has not been reached yet' };
  #machines: readonly Machine[] = [];
  #isClosed = false;
  #endPause: () => void = () => undefined;
  #isAwake = false;
  readonly #loop: Promise<void>;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { url, keys, machine, knownEpoch } = options;
    this.#knownEpoch = knownEpoch;
    this.#connection = new Connection({
      url,
      listen: {
        channel: keys.channel,
        onMessage: (from) => {
          if (from !== machine.id) this.#wake();
        },
      },
      onReady: () => this.#wake(),
    });
    this.#loop = this.#sendHeartbeats();
  }

  /** Null while Redis is reachable. */
  get outage(): Outage | null {
    return this.#outage;
  }

  /** The machines that were seen within the last minutes. */
  get machines(): readonly Machine[] {
    return this.#machines;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Arguments that make a script fail on another state than the known one, or when it runs too late. */
  fence(): [epoch: string, deadline: number] {
    return [this.#epoch, this.#options.clock.now() + TOO_LATE_MS];
  }

  /** Runs a script. Rejects with StateUnavailable; the script may have run all the same. */
  readonly run: Run = async (script, values) => {
    if (this.#outage !== null) throw new StateUnavailable(this.#outage.reason);
    return await this.#runAnyway(script, values);
  };

  /** Removes this machine from the list of machines, and closes the connections. */
  async close(): Promise<void> {
    const { keys, machine } = this.#options;
    this.#isClosed = true;
    this.#wake();
    if (this.#outage === null) {
      const values = new ScriptArguments(keys.machines).add(machine.id);
      await this.#runAnyway(FORGET_MACHINE, values).catch(() => undefined); // its entry expires
    }
    this.#connection.close();
    await this.#loop;
  }

  readonly #runAnyway: Run = async (script, values) => {
    try {
      return await this.#connection.run(script, values);
    } catch (error) {
      throw new StateUnavailable(this.#failed(error), { cause: error });
    }
  };

  /** Sends the next heartbeat at once. */
  #wake(): void {
    this.#isAwake = true;
    this.#endPause();
  }

  async #sendHeartbeats(): Promise<void> {
    while (!this.#isClosed) {
      this.#isAwake = false;
      try {
        await this.#synchronize();
      } catch (error) {
        if (!(error instanceof StateUnavailable)) this.#failed(error);
      }
      await sleep(MIN_PAUSE_MS, undefined, { ref: false });
      const isSettled = performance.now() - this.#reconnectedAt > UNSETTLED_MS;
      const isCalm = this.#outage === null && isSettled;
      await this.#pause(isCalm ? HEARTBEAT_EVERY_MS : RETRY_EVERY_MS);
    }
  }

  async #synchronize(): Promise<void> {
    const { onSnapshot, onOutage } = this.#options;
    const outage = this.#outage;
    const isOld = performance.now() - this.#comparedAt > COMPARE_EVERY_MS;
    if (isOld || outage !== null) this.#seen = 0;
    await onSnapshot(await this.#readChanges(), this.#runAnyway, outage !== null);
    if (outage === null || this.#isClosed) return;
    this.#knownEpoch = this.#epoch;
    this.#outage = null;
    this.#reconnectedAt = performance.now();
    onOutage(null);
  }

  /** Reads all changes since the last heartbeat. */
  async #readChanges(): Promise<LinkSnapshot> {
    const changes: RemoteCell[] = [];
    let isWhole = this.#seen === 0;
    for (;;) {
      const beat = await heartbeat(this.#options, this.#runAnyway, this.#seen);
      const { epoch, since, cursor } = beat;
      this.#epoch = epoch;
      this.#machines = beat.machines;
      const isOther = epoch !== this.#knownEpoch;
      if (isOther && this.#outage === null) throw new Error('STATELOST the state was lost');
      isWhole ||= since === 0;
      changes.push(...beat.changes);
      this.#seen = Math.max(beat.changes.at(-1)?.version ?? 0, since);
      if (beat.changes.length < MAX_CHANGES) {
        if (isWhole) this.#comparedAt = performance.now();
        return { cursor, changes, isWhole, epoch, isOther };
      }
    }
  }

  /** Starts an outage, if there is none. Returns its reason. */
  #failed(error: unknown): string {
    const reason = troubleWith(error);
    if (wantsNewConnection(error)) this.#connection.renew();
    if (this.#outage === null) {
      this.#outage = { since: performance.now(), reason };
      this.#options.onOutage(this.#outage);
      this.#wake();
    } else this.#outage = { ...this.#outage, reason };
    return reason;
  }

  /** Waits until the time is over, or `#wake` is called. */
  async #pause(ms: number): Promise<void> {
    if (this.#isAwake || this.#isClosed) return;
    const woken = Promise.withResolvers<undefined>();
    this.#endPause = () => woken.resolve(undefined);
    const timer = setTimeout(this.#endPause, ms).unref();
    await woken.promise;
    clearTimeout(timer);
  }
}
