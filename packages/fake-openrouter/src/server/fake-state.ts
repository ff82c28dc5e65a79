import type { IncomingMessage } from 'node:http';
import { createAccount, type Account } from '../accounts/account.ts';
import type { Generation } from './catalog-routes.ts';
import { createClock } from './clock.ts';
import { FaultRules } from '../faults/fault-rules.ts';
import { createKey, type Key, type KeyOptions } from '../accounts/key.ts';
import { RequestLog } from '../exchange/request-log.ts';

const MAX_GENERATIONS = 1_000;

/** What a fake consists of, beside its server. */
export class FakeState {
  readonly clock = createClock();
  readonly rules = new FaultRules();
  readonly requests = new RequestLog();
  readonly keys: Key[] = [];
  readonly generations = new Map<string, Generation>();

  addKey(options: KeyOptions & { account?: Account } = {}): Key {
    const { account = createAccount(), ...rest } = options;
    const key = createKey(account, `key-${this.keys.length + 1}`, rest);
    this.keys.push(key);
    return key;
  }

  /** The key a request was sent under: as Bearer or as `x-api-key`. */
  keyOf({ headers }: IncomingMessage): Key | undefined {
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    const secret = bearer ?? headers['x-api-key'];
    return this.keys.find((key) => key.secret === secret && !key.revoked);
  }

  /** Forgets all keys, rules, requests and generations; the clock shows the real time again. */
  reset(): void {
    this.keys.length = 0;
    this.rules.set([]);
    this.requests.clear();
    this.generations.clear();
    this.clock.speed(1);
    this.clock.set(Date.now());
  }

  remember(completion: Generation['completion'], streamed: boolean): void {
    this.generations.set(completion.id, { completion, streamed, asked: 0 });
    const oldest = this.generations.keys().next();
    if (this.generations.size > MAX_GENERATIONS && oldest.done === false) {
      this.generations.delete(oldest.value);
    }
  }
}
