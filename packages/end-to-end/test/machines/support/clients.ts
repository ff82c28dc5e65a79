import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { System } from '../../support/system.ts';

/** A request that has no answer after so long counts as hung. */
const HANG_MS = 60_000;

/** What a client has seen of one request. */
export interface Sample {
  /** On `performance.now()`'s clock. */
  readonly at: number;
  readonly ms: number;
  /** Null: the connection broke, or nothing came within a minute. */
  readonly status: number | null;
  readonly words: string;
}

/** How clients behave. */
export interface ClientOptions {
  /** How many at each machine. */
  readonly count: number;
  /** The time between an answer and the next request. */
  readonly pauseMs: number;
  readonly model: string;
}

/** Asks a gateway once. */
export async function ask(system: System, model: string, agent?: Agent): Promise<Sample> {
  const at = performance.now();
  try {
    const sent = request(`${system.url}/api/v1/chat/completions`, {
      method: 'POST',
      agent: agent ?? false,
      signal: AbortSignal.timeout(HANG_MS),
      headers: {
        authorization: `Bearer ${system.accessKey}`,
        'content-type': 'application/json',
      },
    });
    sent.end(JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let words = '';
    for await (const chunk of response.setEncoding('utf8')) words += String(chunk);
    return { at, ms: performance.now() - at, status: response.statusCode ?? null, words };
  } catch (error) {
    return { at, ms: performance.now() - at, status: null, words: String(error) };
  }
}

/** Clients that ask without end; `stop` gives what each machine's have seen. */
export function startClients(systems: readonly System[], options: ClientOptions) {
  const samples = systems.map((): Sample[] => []);
  let isOver = false;
  const work = async (system: System, seen: Sample[]) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) {
      seen.push(await ask(system, options.model, agent));
      await sleep(options.pauseMs);
    }
    agent.destroy();
  };
  const all = Promise.all(
    systems.flatMap((system, machine) =>
      Array.from({ length: options.count }, () => work(system, samples[machine] ?? [])),
    ),
  );
  return {
    samples: samples as readonly (readonly Sample[])[],
    /** Waits until the clients of each machine have had so many answers to requests that they send from now on. */
    async served(answers: number) {
      const since = performance.now();
      const fewest = () =>
        Math.min(...samples.map((seen) => seen.filter(({ at }) => at >= since).length));
      await expect.poll(fewest).toBeGreaterThanOrEqual(answers);
    },
    async stop() {
      isOver = true;
      await all;
    },
    [Symbol.asyncDispose]() {
      return this.stop();
    },
  };
}

/** The time that only one of a hundred exceeded, in milliseconds. */
export function p99(samples: readonly Sample[]): number {
  const sorted = samples.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? NaN;
}

/** What went wrong, with words for it. */
export const failures = (samples: readonly Sample[]) =>
  samples.filter(({ status }) => status !== 200);
