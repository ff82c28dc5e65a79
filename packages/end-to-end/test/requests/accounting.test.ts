import type { Fault, RequestRecord } from '@openrouter-proxy/fake-openrouter';
import { expect, it } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { startProduct, type Product } from '../support/product.ts';

const REQUESTS = 2_000;
const AT_ONCE = 16;
/** Long enough for answers that are worth compressing. */
const TEXT = 'tell me of the accounting of tokens, to the last one. '.repeat(8);

const PATHS = ['chat/completions', 'completions', 'responses', 'messages', 'embeddings'] as const;

type Trouble =
  | { kind: 'none' }
  /** The first attempt, or every one. */
  | { kind: 'fault'; fault: Fault; times?: number }
  /** The client leaves when the answer has begun. */
  | { kind: 'leaves' };

const CUT: Fault = { kind: 'reset', when: { events: 1 } };
const WITHIN_200: Trouble = {
  kind: 'fault',
  fault: { kind: 'error-in-200', where: 'body' },
  times: 1,
};
/** One of these for each twenty requests; the others are without trouble. */
const TROUBLES: readonly Trouble[] = [
  WITHIN_200,
  { kind: 'fault', fault: { kind: 'stream-error', events: 0 }, times: 1 },
  { kind: 'fault', fault: { kind: 'reset', when: { events: 0 } }, times: 1 },
  { kind: 'fault', fault: { kind: 'refuse', family: 'provider_failed' }, times: 1 },
  { kind: 'fault', fault: CUT, times: 1 },
  { kind: 'leaves' },
];

/** Several, so that one's troubles do not hold back the others. */
let models: string[] = [];

const troubleOf = (turn: number): Trouble => TROUBLES[turn % 20] ?? { kind: 'none' };

function bodyOf(turn: number, stream: boolean): object {
  const text = TEXT.slice(0, 40 + (turn % 300));
  const model = models[turn % models.length];
  const messages = [{ role: 'user', content: text }];
  const input = turn % 5 === 4 ? Array<string>(40).fill(text) : text;
  return { model, stream, max_tokens: 100, messages, prompt: text, input };
}

/** Arranges for what a request is to meet with. */
function arrange({ fake }: Product, requestId: string, trouble: Trouble): void {
  const match = { requestId };
  if (trouble.kind === 'fault') fake.rules.add({ match, fault: trouble.fault, times: 1 });
  if (trouble.kind !== 'leaves') return;
  fake.rules.add({ match, fault: { kind: 'delay', eventMs: 200 } });
}

/** Reads an answer to its end, or only until it has begun. */
async function read(answer: Response, leave: AbortController | null): Promise<void> {
  const reader = answer.body?.getReader();
  for (;;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) return;
    leave?.abort();
  }
}

/** Sends one request, with its trouble, and reads what comes of it. */
async function send(product: Product, turn: number): Promise<Response> {
  const trouble = troubleOf(turn);
  const path = PATHS[turn % PATHS.length] ?? '';
  const requestId = `turn-${turn}`;
  const mayStream = path !== 'embeddings' && trouble !== WITHIN_200;
  arrange(product, requestId, trouble);
  const leave = new AbortController();
  const answer = await fetch(`${product.system.url}/api/v1/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${product.accessKey}`,
      'content-type': 'application/json',
      'x-request-id': requestId,
    },
    body: JSON.stringify(bodyOf(turn, mayStream && (trouble.kind !== 'none' || turn % 3 === 0))),
    signal: leave.signal,
  });
  const isLeaving = trouble.kind === 'leaves' && path !== 'embeddings';
  const isCut = trouble.kind === 'fault' && trouble.fault === CUT;
  await read(answer, isLeaving ? leave : null).catch((error: unknown) => {
    if (!isLeaving && !isCut) throw error;
  });
  return answer;
}

/** Whether an attempt's answer came to its end, so that somebody knows what it used. */
const isWhole = ({ complete, abortedAt }: RequestRecord) => complete && abortedAt === null;

it('counts what OpenRouter bills, to the last token, and what nobody can know as unknown', async () => {
  const product = await startProduct(6, undefined, {
    free_requests_per_minute: 100_000,
    free_requests_per_day: 100_000,
  });
  const list = await fetch(`${product.fake.url}/models`);
  const { data } = (await list.json()) as { data: { id: string }[] };
  models = data.slice(0, 101).map(({ id }) => id);
  for (const { account } of product.fake.keys) account.freePerMinute = account.freePerDay = 1e6;
  let next = 0;
  let compressed = 0;
  const worker = async () => {
    while (next < REQUESTS) {
      const { headers } = await send(product, next++);
      if (headers.get('content-encoding') === 'gzip') compressed += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  const billed = product.fake.requests.records.flatMap((record) =>
    record.billed === null ? [] : [{ ...record.billed, isWhole: isWhole(record) }],
  );
  const known = billed.filter((each) => each.isWhole);
  const sum = (name: 'sent' | 'received' | 'cost') =>
    known.reduce((total, each) => total + each[name], 0);
  const operator = await operatorOf(product.system);
  const count = async () => {
    const { rows } = await operator.call('usage.query', { since: 0, by: 'day' });
    return rows.reduce(
      (total, row) => ({
        sent: total.sent + row.sent,
        received: total.received + row.received,
        cost: total.cost + row.cost,
        unknown: total.unknown + row.unknown,
      }),
      { sent: 0, received: 0, cost: 0, unknown: 0 },
    );
  };
  const unknown = billed.length - known.length;
  // Every attempt has been reported once no lease is in use.
  const inUse = async () => (await operator.call('service.status', {})).leasesInFlight;
  await expect.poll(inUse).toBe(0);
  await expect.poll(async () => (await count()).unknown).toBeGreaterThanOrEqual(unknown);
  const counted = await count();
  console.log(`${billed.length} billed, of which ${unknown} unknown:`, counted);
  expect(compressed).toBeGreaterThan(100);
  expect(unknown).toBeGreaterThan(100);
  expect(known.length).toBeGreaterThan(0.8 * REQUESTS);
  expect(counted).toEqual({
    sent: sum('sent'),
    received: sum('received'),
    cost: expect.closeTo(sum('cost'), 9) as number,
    unknown,
  });
});
