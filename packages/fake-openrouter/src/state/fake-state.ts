import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createAccount, type Account } from '../accounts/account.ts';
import { createClock } from './clock.ts';
import { FaultRules } from '../faults/fault-rules.ts';
import { createKey, type Key, type KeyOptions } from '../accounts/key.ts';
import type { ContainerFile, StoredFile } from '../objects/stored-file.ts';
import type { Batch, Video } from '../objects/job.ts';
import type { Generation, Preset } from '../objects/kept.ts';
import { AccountObjects, Creations } from '../objects/objects.ts';
import { RequestLog } from '../exchange/request-log.ts';

const MAX_GENERATIONS = 1_000;
const POLLS_UNTIL_DONE = 2;

/** What a fake consists of, beside its server. */
export class FakeState {
  readonly clock = createClock();
  readonly rules = new FaultRules();
  readonly requests = new RequestLog();
  readonly keys: Key[] = [];
  readonly generations = new Map<string, Generation>();
  readonly videos = new AccountObjects<Video>();
  readonly batches = new AccountObjects<Batch>();
  readonly files = new AccountObjects<StoredFile>();
  readonly containerFiles = new AccountObjects<ContainerFile>();
  readonly presets = new AccountObjects<Preset>();
  readonly authCodes = new AccountObjects<Account>();
  readonly administered = new AccountObjects<{ kind: string; document: Record<string, unknown> }>();
  readonly creations = new Creations();
  /** Where URLs in answers lead. */
  namedOrigin = '';
  /** A job completes when it is asked for so often. */
  pollsUntilDone = POLLS_UNTIL_DONE;
  readonly #stores = [
    ...[this.videos, this.batches, this.files, this.containerFiles],
    ...[this.presets, this.authCodes, this.administered],
  ];
  #folder: string | null = null;

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

  /** Forgets all keys, rules, requests and objects; the clock shows the real time again. */
  reset(): void {
    this.keys.length = 0;
    this.rules.set([]);
    this.requests.clear();
    this.generations.clear();
    for (const objects of this.#stores) objects.clear();
    this.creations.list.length = 0;
    this.pollsUntilDone = POLLS_UNTIL_DONE;
    this.clock.speed(1);
    this.clock.set(Date.now());
  }

  rememberGeneration(generation: Omit<Generation, 'asked'>): void {
    this.generations.set(generation.id, { ...generation, asked: 0 });
    const oldest = this.generations.keys().next();
    if (this.generations.size > MAX_GENERATIONS && oldest.done === false) {
      this.generations.delete(oldest.value);
    }
  }

  /** The folder for the bytes of files; made when it is needed first. */
  folder(): string {
    return (this.#folder ??= mkdtempSync(path.join(tmpdir(), 'fake-openrouter-')));
  }

  /** Removes what was written. */
  close(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }
}
