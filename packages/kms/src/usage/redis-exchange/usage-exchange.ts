import { createHash, randomBytes } from 'node:crypto';
import type { RedisUrl } from '@openrouter-proxy/config';
import { readJson } from '@openrouter-proxy/kms-protocol';
import { HOUR_MS, DAY_MS, type Clock } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import type { SharedRow } from '../pool-usage.ts';
import { COUNTED } from '../usage-columns.ts';
import { dayOf, type UsageTotals } from '../usage-totals.ts';
import { Connection } from '../../store/redis/connection/connection.ts';
import { ScriptArguments } from '../../store/redis/connection/script.ts';
import { troubleWith, wantsNewConnection } from '../../store/redis/connection/trouble.ts';
import { EXCHANGE_USAGE } from './usage-script.ts';

const EXCHANGE_EVERY_MS = 5_000;
/** The most recent days that are shared. */
const SHARED_DAYS = 90;
/** Days in one message, each with at most 2,000 rows of about 100 bytes. */
const DAYS_AT_ONCE = 5;
const CHANGES_AT_ONCE = 20;
/** Everything is compared with Redis from time to time: a failover may lose the last writes. */
const COMPARE_EVERY_MS = HOUR_MS;
/** The most messages of one exchange. The rest follows in the next. */
const MAX_MESSAGES = 100;

const answer = z.tuple([
  z.string(),
  z.array(z.tuple([z.string(), z.coerce.number(), z.string()])).max(CHANGES_AT_ONCE),
]);
const name = z.string().max(300);
/** More than a machine counts in a day. Sums of it still fit into the file of totals. */
const MAX_FIGURE = 1e12;
const figure = z.number().nonnegative().max(MAX_FIGURE);
const rowsOfOther = z.array(z.tuple([name, name, name], figure)).max(2_001);

/** Options of an exchange. */
export interface UsageExchangeOptions {
  readonly url: RedisUrl;
  readonly prefix: string;
  readonly usage: UsageTotals;
  readonly clock: Clock;
  /** Called with a reason when usage cannot be shared, and with null when it can again. */
  readonly onTrouble: (reason: string | null) => void;
}

/**
 * Shares the usage of a pool's machines through Redis, on a connection of its own. No decision
 * about a key waits for it. What Redis lacks or loses is sent again from the file of totals.
 */
export class UsageExchange implements AsyncDisposable {
  readonly #options: UsageExchangeOptions;
  readonly #connection: Connection;
  readonly #keys: readonly string[];
  readonly #timer: NodeJS.Timeout;
  /** Days that Redis does not have yet. */
  readonly #untold = new Set<string>();
  /** A random name of the usage in Redis: another one means that it was lost. */
  #token = '';
  #seen = 0;
  #comparedAt = -Infinity;
  #sharedAt: number | null = null;
  #trouble: string | null = null;
  #running: Promise<void> | undefined;

  constructor(options: UsageExchangeOptions) {
    this.#options = options;
    const { url, prefix, usage } = options;
    const key = (rest: string) => `{${prefix}}:usage:${rest}`;
    this.#keys = ['token', 'revision', 'changes', 'rows', 'days'].map(key);
    usage.pool.enter(poolName(url, prefix));
    this.#connection = new Connection({ url, onReady: () => void this.exchange() });
    this.#timer = setInterval(() => void this.exchange(), EXCHANGE_EVERY_MS).unref();
  }

  /** The time of the last exchange. */
  get sharedAt(): number | null {
    return this.#sharedAt;
  }

  /** Sends the usage of this machine, and reads that of the others. Never rejects. */
  exchange(): Promise<void> {
    this.#running ??= this.#exchangeOnce().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Sends the last usage, and closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    if (this.#trouble === null) await this.exchange();
    this.#connection.close();
  }

  async #exchangeOnce(): Promise<void> {
    const { usage, clock, onTrouble } = this.#options;
    try {
      for (const day of usage.takeChangedDays()) this.#untold.add(day);
      if (performance.now() - this.#comparedAt > COMPARE_EVERY_MS) this.#token = '';
      for (let messages = 0; messages < MAX_MESSAGES; messages += 1) {
        if (await this.#sendAndReceive()) break;
      }
      this.#sharedAt = clock.now();
      if (this.#trouble !== null) onTrouble(null);
      this.#trouble = null;
    } catch (error) {
      if (wantsNewConnection(error)) this.#connection.renew();
      const isOfFile = error instanceof Error && 'errcode' in error; // an error of SQLite
      const reason = isOfFile
        ? 'the totals could not be saved on this machine'
        : troubleWith(error);
      if (this.#trouble === null) onTrouble(reason);
      this.#trouble = reason;
    }
  }

  /** Sends one message. Returns true if both sides have everything. */
  async #sendAndReceive(): Promise<boolean> {
    const { usage, clock } = this.#options;
    const { machine } = usage.pool;
    const firstDay = dayOf(clock.now() - SHARED_DAYS * DAY_MS);
    const days = [...this.#untold].sort().reverse().slice(0, DAYS_AT_ONCE);
    const values = new ScriptArguments(...this.#keys).add(
      ...[randomBytes(9).toString('base64url'), dayNumber(firstDay), this.#seen, CHANGES_AT_ONCE],
    );
    for (const day of days) {
      values.add(`${day} ${machine}`, dayNumber(day), JSON.stringify(usage.pool.rows(day)));
    }
    const [token, changes] = answer.parse(await this.#connection.run(EXCHANGE_USAGE, values));
    if (token !== this.#token) {
      // Redis has another state than before: everything is exchanged again.
      for (const day of usage.pool.days(firstDay)) this.#untold.add(day);
      this.#token = token;
      this.#seen = 0;
      this.#comparedAt = performance.now();
      return false;
    }
    for (const day of days) this.#untold.delete(day);
    for (const [entry, revision, rows] of changes) {
      this.#take(entry, rows, firstDay);
      this.#seen = Math.max(this.#seen, revision);
    }
    return changes.length < CHANGES_AT_ONCE && this.#untold.size === 0;
  }

  /** Stores the usage of another machine. Skips an entry that cannot be read. */
  #take(entry: string, text: string, firstDay: string): void {
    const { pool } = this.#options.usage;
    const [day = '', machine = ''] = entry.split(' ');
    const isDay = /^\d{4}-\d\d-\d\d$/.test(day) && day >= firstDay;
    if (!isDay || !/^[0-9a-f]{16}$/.test(machine) || machine === pool.machine) return;
    const rows = readRows(text);
    if (rows !== undefined) pool.take(machine, day, rows);
  }
}

function readRows(text: string): SharedRow[] | undefined {
  const rows = readJson(text, rowsOfOther);
  return rows?.every(isRow) === true ? rows : undefined;
}

/** Whether a row has a figure for each column, all integers except the cost. */
function isRow([, , , ...figures]: SharedRow): boolean {
  if (figures.length !== COUNTED.length) return false;
  return COUNTED.every(
    (column, index) => column === 'cost' || Number.isSafeInteger(figures[index]),
  );
}

const dayNumber = (day: string) => Math.floor(Date.parse(day) / DAY_MS);

/** A name of the pool without the password of its Redis. */
function poolName({ addresses, database }: RedisUrl, prefix: string): string {
  const text = JSON.stringify([addresses, database, prefix]);
  return createHash('sha256').update(text).digest('hex');
}
