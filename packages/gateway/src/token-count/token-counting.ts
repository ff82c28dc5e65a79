import { Worker } from 'node:worker_threads';
import type { Logger } from '@openrouter-proxy/runtime';
import { estimateByLength } from './estimate.ts';

/** How long one body may take, its wait for earlier ones included. After that it is counted by its length. */
const COUNT_MS = 5_000;
/** How long the thread stays alive without work. */
const KEEP_MS = 5 * 60_000;

/** A body to count; sent to the thread. */
export interface CountRequest {
  readonly id: number;
  readonly body: Uint8Array;
}

/** The thread's answer. */
export type CountReply =
  | { readonly id: number; readonly model: string; readonly tokens: number }
  | { readonly id: number; readonly problem: string };

/** The result for a body. `model` is null if the body was not read. */
export type Count =
  | { readonly kind: 'counted'; readonly model: string | null; readonly tokens: number }
  | { readonly kind: 'invalid'; readonly problem: string };

/** The log of the token counter. */
export interface TokenCountingDeps {
  readonly logger: Logger;
  readonly countMs?: number;
}

interface Pending {
  readonly bytes: number;
  readonly resolve: (count: Count) => void;
  readonly timer: NodeJS.Timeout;
}

/** The bundled thread is beside the programs in dist/. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './token-counter.js',
  import.meta.url,
);

const byLength = (bytes: number): Count => ({
  kind: 'counted',
  model: null,
  tokens: estimateByLength(bytes),
});

/**
 * Counts tokens in a thread, which starts at the first use and ends after five minutes without
 * work. A thread that fails or takes too long is ended, and its bodies are counted by length.
 */
export class TokenCounting {
  readonly #deps: TokenCountingDeps;
  readonly #pending = new Map<number, Pending>();
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;

  constructor(deps: TokenCountingDeps) {
    this.#deps = deps;
  }

  /** Counts a request's body. The buffer is transferred. Never rejects. */
  count(body: Uint8Array<ArrayBuffer>): Promise<Count> {
    clearTimeout(this.#idle);
    const { promise, resolve } = Promise.withResolvers<Count>();
    const id = (this.#lastId += 1);
    const late = () => this.#fail(new Error(`counting took longer than ${this.#countMs} ms`));
    const timer = setTimeout(late, this.#countMs);
    this.#pending.set(id, { bytes: body.byteLength, resolve, timer });
    this.#thread ??= this.#start();
    this.#thread.postMessage({ id, body } satisfies CountRequest, [body.buffer]);
    return promise;
  }

  /** Ends the thread. Its bodies are counted by length. */
  stop(): void {
    clearTimeout(this.#idle);
    void this.#thread?.terminate();
    this.#thread = undefined;
    for (const id of this.#pending.keys()) this.#settle(id);
  }

  get #countMs(): number {
    return this.#deps.countMs ?? COUNT_MS;
  }

  #start(): Worker {
    const thread = new Worker(PROGRAM, { name: 'token-counter', env: {}, stdin: false });
    thread.unref();
    thread.on('message', (reply: CountReply) => this.#settle(reply.id, reply));
    thread.on('error', (error) => {
      if (this.#thread === thread) this.#fail(error);
    });
    return thread;
  }

  #fail(error: unknown): void {
    this.#deps.logger.warning('tokens could not be counted: they are estimated by length', {
      error,
    });
    this.stop();
  }

  #settle(id: number, reply?: CountReply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    pending.resolve(reply === undefined ? byLength(pending.bytes) : countOf(reply));
    if (this.#pending.size === 0) this.#idle = setTimeout(() => this.stop(), KEEP_MS).unref();
  }
}

function countOf(reply: CountReply): Count {
  if ('problem' in reply) return { kind: 'invalid', problem: reply.problem };
  return { kind: 'counted', model: reply.model, tokens: reply.tokens };
}
