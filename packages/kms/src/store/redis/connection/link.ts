import { HOUR_MS } from '@openrouter-proxy/runtime';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisUrl } from '@openrouter-proxy/config';
import * as z from 'zod';
import { StateUnavailable, type Machine } from '../../state-store.ts';
import { LEAVE_MACHINES, MEET } from './cell-scripts.ts';
import { COMMAND_TIMEOUT_MS, Connection } from './connection.ts';
import type { KeySpace } from './key-space.ts';
import type { RedisClock } from './redis-clock.ts';
import { ScriptArguments, type Script } from './script.ts';
import { troubleWith, wantsNewConnection } from './trouble.ts';

const MEET_EVERY_MS = 1_000;
const RETRY_EVERY_MS = 150;
/** So long after an outage others may still come back, and nobody may be listening to the channel yet. */
const UNSETTLED_MS = 5_000;
/** What changes in quick succession is looked at together. */
const MEET_AT_MOST_EVERY_MS = 10;
const CHANGES_AT_ONCE = 500;
/** All that is known is compared with what Redis has from time to time. */
const COMPARE_EVERY_MS = HOUR_MS;
/** A command that is executed later than this is not wanted any more. */
const TOO_LATE_MS = COMMAND_TIMEOUT_MS + 50;

const meeting = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.number(),
  z.array(z.tuple([z.string(), z.string(), z.number()])),
  z.array(z.tuple([z.string(), z.number(), z.number(), z.string()])),
]);

/** Runs a script: as long as Redis is there, or anyway. Rejects with StateUnavailable. */
export type Run = (script: Script, values: ScriptArguments) => Promise<unknown>;

/** A cell as Redis has it. */
export interface RemoteCell {
  readonly name: string;
  readonly version: number;
  readonly writtenAt: number;
  readonly text: string;
}

/** What a look at Redis has shown. */
export interface LinkSnapshot {
  /** The slot that was entered last, by its name; '' if none was. */
  readonly cursor: string;
  /** The cells that have changed, or all of them. */
  readonly changes: readonly RemoteCell[];
  /** All cells are among them. */
  readonly isWhole: boolean;
  /** The name of the state. */
  readonly epoch: string;
  /** It is not the state that was known here: that was lost, or none was known. */
  readonly isOther: boolean;
}

/** A time without Redis. */
export interface Outage {
  /** By `performance.now()`. */
  readonly since: number;
  readonly reason: string;
}

/** What a link is made of. */
export interface LinkOptions {
  readonly url: RedisUrl;
  readonly keys: KeySpace;
  readonly machine: { readonly id: string; readonly name: string };
  readonly clock: RedisClock;
  /** The state that was known before; '': none. */
  readonly knownEpoch: string;
  /** Takes in what is in Redis, and after an outage brings it in line with what is known here. */
  readonly onMeeting: (meeting: LinkSnapshot, run: Run, isAfterOutage: boolean) => Promise<void>;
  /** An outage has begun, or is over (null). */
  readonly onOutage: (outage: Outage | null) => void;
}

/**
 * The way to Redis. While Redis is away nobody but the link itself asks it for anything; it looks
 * whether Redis is back, and has what was missed made up for before it is used again.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #connection: Connection;
  /** The state that Redis has, and the one that is known here. */
  #epoch = '';
  #knownEpoch: string;
  #seen = 0;
  #comparedAt = -Infinity;
  #backSince = -Infinity;
  #outage: Outage | null = { since: performance.now(), reason: 'Redis has not been reached yet' };
  #machines: readonly Machine[] = [];
  #isClosed = false;
  #wake: () => void = () => undefined;
  #isPoked = false;
  readonly #tending: Promise<void>;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { url, keys, machine, knownEpoch } = options;
    this.#knownEpoch = knownEpoch;
    this.#connection = new Connection({
      url,
      listen: {
        channel: keys.channel,
        onMessage: (from) => {
          if (from !== machine.id) this.#poke();
        },
      },
      onReady: () => this.#poke(),
    });
    this.#tending = this.#tend();
  }

  /** Null: Redis is there. */
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

  /** What is passed to a script that must see the state that is known here, and must not be late. */
  fence(): [epoch: string, deadline: number] {
    return [this.#epoch, this.#options.clock.now() + TOO_LATE_MS];
  }

  /** Runs a script. Rejects with StateUnavailable; then it is not known whether it was run. */
  readonly run: Run = async (script, values) => {
    if (this.#outage !== null) throw new StateUnavailable(this.#outage.reason);
    return await this.#runAnyway(script, values);
  };

  /** Says that this machine is gone, and closes the connections. */
  async close(): Promise<void> {
    const { keys, machine } = this.#options;
    this.#isClosed = true;
    this.#poke();
    if (this.#outage === null) {
      const values = new ScriptArguments(keys.machines).add(machine.id);
      await this.#runAnyway(LEAVE_MACHINES, values).catch(() => undefined); // it is noticed in a while
    }
    this.#connection.close();
    await this.#tending;
  }

  readonly #runAnyway: Run = async (script, values) => {
    try {
      return await this.#connection.run(script, values);
    } catch (error) {
      throw new StateUnavailable(this.#failed(error), { cause: error });
    }
  };

  /** Looks at Redis now, not when it is time. */
  #poke(): void {
    this.#isPoked = true;
    this.#wake();
  }

  async #tend(): Promise<void> {
    while (!this.#isClosed) {
      this.#isPoked = false;
      try {
        await this.#look();
      } catch (error) {
        if (!(error instanceof StateUnavailable)) this.#failed(error);
      }
      await sleep(MEET_AT_MOST_EVERY_MS, undefined, { ref: false });
      const isSettled = performance.now() - this.#backSince > UNSETTLED_MS;
      await this.#pause(this.#outage === null && isSettled ? MEET_EVERY_MS : RETRY_EVERY_MS);
    }
  }

  async #look(): Promise<void> {
    const { onMeeting, onOutage } = this.#options;
    const outage = this.#outage;
    const isOld = performance.now() - this.#comparedAt > COMPARE_EVERY_MS;
    if (isOld || outage !== null) this.#seen = 0;
    await onMeeting(await this.#meet(), this.#runAnyway, outage !== null);
    if (outage === null || this.#isClosed) return;
    this.#knownEpoch = this.#epoch;
    this.#outage = null;
    this.#backSince = performance.now();
    onOutage(null);
  }

  /** Reads what has changed since the last look. */
  async #meet(): Promise<LinkSnapshot> {
    const changes: RemoteCell[] = [];
    let isWhole = this.#seen === 0;
    for (;;) {
      const { epoch, since, cursor, some } = await this.#meetOnce();
      this.#epoch = epoch;
      const isOther = epoch !== this.#knownEpoch;
      if (isOther && this.#outage === null) throw new Error('STATELOST the state was lost');
      isWhole ||= since === 0;
      changes.push(...some);
      this.#seen = Math.max(some.at(-1)?.version ?? 0, since);
      if (some.length < CHANGES_AT_ONCE) {
        if (isWhole) this.#comparedAt = performance.now();
        return { cursor, changes, isWhole, epoch, isOther };
      }
    }
  }

  async #meetOnce() {
    const { keys, machine, clock } = this.#options;
    const values = new ScriptArguments(
      ...[keys.epoch, keys.cells, keys.changes, keys.revision, keys.machines, keys.cursor],
    ).add(...[newEpoch(), machine.id, machine.name, this.#seen, CHANGES_AT_ONCE]);
    const askedAt = performance.now();
    const answer = meeting.parse(await this.#runAnyway(MEET, values));
    const [micros, epoch, cursor, since, machines, changes] = answer;
    clock.learn(Number(micros) / 1_000, askedAt, performance.now());
    this.#machines = machines.map(([id, name, lastSeenAt]) => {
      return { name: `${name} (${id})`, lastSeenAt, self: id === machine.id };
    });
    const some = changes.map(([name, version, writtenAt, text]) => {
      return { name, version, writtenAt, text };
    });
    return { epoch, since, cursor, some };
  }

  /** Begins an outage, if there is none; what it is about. */
  #failed(error: unknown): string {
    const reason = troubleWith(error);
    if (wantsNewConnection(error)) this.#connection.renew();
    if (this.#outage === null) {
      this.#outage = { since: performance.now(), reason };
      this.#options.onOutage(this.#outage);
      this.#poke();
    } else this.#outage = { ...this.#outage, reason };
    return reason;
  }

  /** Until the time is over, or somebody pokes. */
  async #pause(ms: number): Promise<void> {
    if (this.#isPoked || this.#isClosed) return;
    const poked = Promise.withResolvers<undefined>();
    this.#wake = () => poked.resolve(undefined);
    const timer = setTimeout(this.#wake, ms).unref();
    await poked.promise;
    clearTimeout(timer);
  }
}

const newEpoch = () => randomBytes(12).toString('base64url');
