import type { IncomingHttpHeaders } from 'node:http';
import { randomBytes } from 'node:crypto';
import type { Account } from '../accounts/account.ts';
import { answer, type ErrorAnswer } from '../errors/error-answer.ts';

const MAX_OBJECTS = 20_000;
const MAX_CREATIONS = 20_000;

/** One object that came into being. */
export interface Creation {
  kind: string;
  id: string;
  /** The name of the key that made it, and its account. */
  key: string;
  account: string;
  /** The `x-request-id` and the `Idempotency-Key` that came along. */
  requestId: string | null;
  idempotencyKey: string | null;
  /** The beginning of the request's body, so that a test finds its own. */
  body: string;
}

/** The request that makes an object. */
interface Maker {
  exchange: { request: { headers: IncomingHttpHeaders }; record: { body: string } };
  key: { name: string; account: Account };
}

/** Everything that was ever made: a test proves by it that something was made once. */
export class Creations {
  readonly list: Creation[] = [];

  add(kind: string, id: string, { exchange, key }: Maker): void {
    const { headers } = exchange.request;
    this.list.push({
      kind,
      id,
      key: key.name,
      account: key.account.userId,
      requestId: one(headers['x-request-id']),
      idempotencyKey: one(headers['idempotency-key']),
      body: exchange.record.body.slice(0, 2_000),
    });
    if (this.list.length > MAX_CREATIONS) this.list.shift();
  }
}

const one = (value: string | string[] | undefined) =>
  (Array.isArray(value) ? value[0] : value) ?? null;

/** Objects of one kind, each of the account that made it: another account does not see it. */
export class AccountObjects<Value> {
  readonly #objects = new Map<string, { account: Account; value: Value }>();

  add(id: string, account: Account, value: Value): void {
    this.#objects.set(id, { account, value });
    const oldest = this.#objects.keys().next();
    if (this.#objects.size > MAX_OBJECTS && oldest.done === false) this.delete(oldest.value);
  }

  get(id: string | undefined, account: Account): Value | undefined {
    const object = this.#objects.get(id ?? '');
    return object?.account === account ? object.value : undefined;
  }

  /** Whoever it belongs to: for tests, not for requests. */
  find(id: string): Value | undefined {
    return this.#objects.get(id)?.value;
  }

  delete(id: string): void {
    this.#objects.delete(id);
  }

  clear(): void {
    this.#objects.clear();
  }

  /** Those of an account, the oldest first. */
  of(account: Account): Value[] {
    return [...this.#objects.values()]
      .filter((object) => object.account === account)
      .map(({ value }) => value);
  }
}

/** A new id: `video_3f…`. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** OpenRouter's answer for an object that is not there, or is another account's. */
export function notFound(what: string): { error: ErrorAnswer } {
  return { error: answer({ message: `${what} not found`, code: 404 }) };
}

/** OpenRouter's answer for a request that lacks something. */
export function badRequest(message: string): { error: ErrorAnswer } {
  return { error: answer({ message, code: 400 }) };
}
