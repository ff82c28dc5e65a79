import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProduct } from '@openrouter-proxy/end-to-end';
import { startFakeOpenRouter, type Fault } from '@openrouter-proxy/fake-openrouter';

/*
 * One client sends nothing but requests that fail for what they hold, while others send requests that
 * can be served. The first must cost the others nothing: 0 refused of 2,000.
 */

const MARK = 'poison';
const MODEL = 'openai/gpt-4o';
const POISON_PER_SECOND = 20;
/** Requests of the others, in all, and of each in a second. */
const OTHERS = 2_000;
const PER_SECOND = 60;
const KEYS = 3;
/** Attempts that one request may cost at most. */
const MOST_ATTEMPTS = 3;

const html = { 'content-type': 'text/html' };
const page = (title: string) => `<html><head><title>${title}</title></head></html>`;

/** What becomes of a request that holds the mark. */
const POISONS: Readonly<Record<string, { fault: Fault; bytes?: number }>> = {
  'status 099': { fault: { kind: 'raw', bytes: 'HTTP/1.1 099 No\r\n\r\n' } },
  'HTML 403': { fault: { kind: 'answer', status: 403, headers: html, body: page('Blocked') } },
  'HTML 503 for a large body': {
    fault: { kind: 'answer', status: 503, headers: html, body: page('Unavailable') },
    bytes: 256 * 1024,
  },
  'raw bytes': { fault: { kind: 'raw', bytes: 'SSH-2.0-OpenSSH_9.2\r\n' } },
  reset: { fault: { kind: 'reset', when: 'before-headers' } },
  silence: { fault: { kind: 'stall', when: 'before-headers' } },
};

/** Who asks: the client that poisons, and the others. */
const CLIENTS = {
  'three clients': ['alice', 'bob', 'carol'],
  'one client': ['default', 'default', 'default'],
} as const;

/** A trial of one poison. */
export interface PoisonTrial {
  readonly name: string;
  readonly poison: keyof typeof POISONS;
  readonly clients: readonly [string, string, string];
}

/** Every poison, among several clients and within one. */
export const POISON_TRIALS: readonly PoisonTrial[] = Object.entries(CLIENTS).flatMap(
  ([among, clients]) =>
    Object.keys(POISONS).map((poison) => ({
      ...{ name: `poison, ${among}: ${poison}`, poison, clients },
    })),
);

/** What came of a trial. */
export interface PoisonResult {
  readonly sent: number;
  /** Answers of the others that were no 200, by status. */
  readonly refused: Readonly<Record<string, number>>;
  readonly poisoned: number;
  /** The most attempts that one poisoned request has cost. */
  readonly attempts: number;
}

/** Everything that is wrong with a result. */
export function poisonComplaints({ refused, attempts, poisoned }: PoisonResult): string[] {
  return [
    ...Object.entries(refused).map(([status, count]) => `${count} others got ${status}`),
    ...(attempts > MOST_ATTEMPTS ? [`a poisoned request was tried ${attempts} times`] : []),
    ...(poisoned === 0 ? ['nothing was poisoned'] : []),
  ];
}

const keyOf = (client: string) => `lab-access-key-of-${client}`;

class Load {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 200 });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async ask(client: string, text: string): Promise<{ status: number; attempts: number }> {
    const body = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: text }] });
    const sent = request(`${this.#url}/api/v1/chat/completions`, {
      ...{ method: 'POST', agent: this.#agent },
      headers: { authorization: `Bearer ${keyOf(client)}`, 'content-type': 'application/json' },
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    const attempts = Number(response.headers['x-proxy-attempts'] ?? 0);
    return { status: response.statusCode ?? 0, attempts };
  }

  end(): void {
    this.#agent.destroy();
  }
}

/** Sends requests at a steady rate, whatever becomes of them. */
async function steadily(
  perSecond: number,
  goesOn: (count: number) => boolean,
  send: () => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  const sent: Promise<void>[] = [];
  for (let count = 0; goesOn(count); count += 1) {
    await sleep(Math.max(0, startedAt + (count * 1_000) / perSecond - performance.now()));
    sent.push(send());
  }
  await Promise.all(sent);
}

/** Tries one poison on a product of its own. */
export async function tryPoison(trial: PoisonTrial, folder: string): Promise<PoisonResult> {
  const { fault, bytes = 0 } = POISONS[trial.poison] ?? { fault: { kind: 'empty' as const } };
  const fake = await startFakeOpenRouter();
  for (let n = 0; n < KEYS; n += 1) fake.addKey();
  fake.rules.add({ match: { method: 'POST', contains: MARK }, fault });
  const [poisoner, ...others] = trial.clients;
  const names = [...new Set(trial.clients)].filter((name) => name !== 'default');
  const product = await startProduct({
    folder,
    logFile: 'log',
    settings: {
      server: {
        access_key: keyOf('default'),
        access_keys: names.map((name) => ({ name, key: keyOf(name) })),
        http_log_level: 'ERROR',
      },
      openrouter: {
        base_url: fake.url,
        keys: fake.keys.map(({ secret }) => secret),
        ...{ connect_timeout: '1s', first_byte_timeout: '1s', idle_timeout: '1s' },
      },
    },
  });
  const load = new Load(product.url);
  try {
    const refused: Record<string, number> = {};
    let [isOver, poisoned, attempts] = [false, 0, 0];
    const poisoning = steadily(
      POISON_PER_SECOND,
      () => !isOver,
      async () => {
        const answer = await load.ask(poisoner, MARK + 'x'.repeat(bytes));
        poisoned += 1;
        attempts = Math.max(attempts, answer.attempts);
      },
    );
    await Promise.all(
      others.map((client) =>
        steadily(
          PER_SECOND,
          (count) => count < OTHERS / others.length,
          async () => {
            const { status } = await load.ask(client, 'Hello');
            if (status !== 200) refused[status] = (refused[status] ?? 0) + 1;
          },
        ),
      ),
    );
    isOver = true;
    await poisoning;
    return { sent: OTHERS, refused, poisoned, attempts };
  } finally {
    load.end();
    await product.stop();
    await fake.stop();
  }
}
