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
/** Days that are told to others. */
const SHARED_DAYS = 90;
/** Days in one message, each with at most 2,000 rows of about 100 bytes. */
const DAYS_AT_ONCE = 5;
const CHANGES_AT_ONCE = 20;
/** Everything is compared with what Redis has from time to time: a failover may lose the last writes. */
const COMPARE_EVERY_MS = HOUR_MS;
/** Messages of one exchange; what is left is for the next. */
const MAX_MESSAGES = 100;

const answer = z.tuple([
  z.string(),
  z.array(z.tuple([z.string(), z.coerce.number(), z.string()])).max(CHANGES_AT_ONCE),
]);
const name = z.string().max(300);
/** More than a machine counts in a day; sums of it still fit into a file of totals. */
const MAX_FIGURE = 1e12;
const figure = z.number().nonnegative().max(MAX_FIGURE);
const rowsOfOther = z.array(z.tuple([name, name, name], figure)).max(2_001);

/** What an exchange is made of. */
export interface UsageExchangeOptions {
  readonly url: RedisUrl;
  readonly prefix: string;
  readonly usage: UsageTotals;
  readonly clock: Clock;
  /** Usage can no longer be shared (a reason), or can be again (null). */
  readonly onTrouble: (reason: string | null) => void;
}

/**
 * Shares the usage of the machines of a pool through Redis. It has a connection of its own, and no
 * decision about a key waits for it. What Redis misses, or loses, is told again from the file of totals.
 */
export class UsageExchange implements AsyncDisposable {
  readonly #options: UsageExchangeOptions;
  readonly #connection: Connection;
  readonly #keys: readonly string[];
  readonly #timer: NodeJS.Timeout;
  /** The days that Redis has to be told of. */
  readonly #untold = new Set<string>();
  /** A random name of what Redis has: another one means that it was lost. */
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

  /** When the other machines' usage was read last. */
  get sharedAt(): number | null {
    return this.#sharedAt;
  }

  /** Tells Redis what was used here, and reads what others used. Never rejects. */
  exchange(): Promise<void> {
    this.#running ??= this.#exchangeOnce().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Tells the last, and closes the connection. */
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
      const isOfFile = error instanceof Error && 'errcode' in error; // SQLite's
      const reason = isOfFile ? 'the totals cannot be kept on this machine' : troubleWith(error);
      if (this.#trouble === null) onTrouble(reason);
      this.#trouble = reason;
    }
  }

  /** One message. True: both sides have everything. */
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
      // Redis has another state than the one that was known here: everything is exchanged again.
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

  /** Takes over an entry of another machine; one that cannot be read is passed over. */
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

/** Whether a row has a figure for each column, whole ones but for the cost. */
function isRow([, , , ...figures]: SharedRow): boolean {
  if (figures.length !== COUNTED.length) return false;
  return COUNTED.every(
    (column, index) => column === 'cost' || Number.isSafeInteger(figures[index]),
  );
}

const dayNumber = (day: string) => Math.floor(Date.parse(day) / DAY_MS);

/** Names a pool, without the password of its Redis. */
function poolName({ addresses, database }: RedisUrl, prefix: string): string {
  const text = JSON.stringify([addresses, database, prefix]);
  return createHash('sha256').update(text).digest('hex');
}
