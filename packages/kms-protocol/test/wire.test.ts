import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERROR_CODE, type ErrorCode } from '../src/error-code.ts';
import { connectInMemory } from '../src/in-memory.ts';
import { MAX_DEPTH } from '../src/json-rpc.ts';
import { HANDLERS, PARAMS, helloLine, openPeer, rawPeer, request, testServer } from './support.ts';

const parsed = (line: string | undefined): unknown => JSON.parse(line ?? 'null');
const failure = (id: unknown, code: ErrorCode) =>
  expect.objectContaining({
    id,
    error: expect.objectContaining({ code: ERROR_CODE[code] }) as unknown,
  }) as unknown;
const invalid = failure(null, 'INVALID_REQUEST');

/** What a session answers to a line, up to the answer to a good call after it. */
async function session(line: string | Buffer): Promise<unknown[]> {
  const peer = await openPeer(testServer(), 'gateway');
  peer.stream.write(line);
  peer.send('', request('next', 'service.ping'));
  const answers = [];
  for (;;) {
    const answer = await peer.next();
    if (answer === undefined) return [...answers, 'closed'];
    if (answer.includes('"next"')) return answers;
    answers.push(parsed(answer));
  }
}

describe('a session answers and goes on', () => {
  test.each<[title: string, line: string | Buffer, answers: unknown[]]>([
    ['an empty batch', '[]', [invalid]],
    ['a batch of three numbers', '[1,2,3]', [[invalid, invalid, invalid]]],
    ['a notification of a method that is not there', '{"jsonrpc":"2.0","method":"lease"}', []],
    ['an id that is an object', request({}, 'service.ping'), [invalid]],
    ['an id that is an array', request([], 'service.ping'), [invalid]],
    ['an id that is true', request(true, 'service.ping'), [invalid]],
    ['two hundred thousand arrays', '['.repeat(200_000), [invalid]],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe]), [failure(null, 'PARSE_ERROR')]],
    ['HTTP', 'GET / HTTP/1.1', [failure(null, 'PARSE_ERROR')]],
    [
      'parameters by position',
      request(1, 'lease.acquire', ['r1', null, 'chat']),
      [failure(1, 'INVALID_PARAMS')],
    ],
    [
      'parameters with a member too many',
      request(1, 'service.ping', { __proto__: null, constructor: 1 }),
      [failure(1, 'INVALID_PARAMS')],
    ],
  ])('%s', async (_title, line, answers) => {
    expect(await session(line)).toEqual(answers);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'rpc.discover', ''])(
    'the method "%s", which is none',
    async (method) => {
      expect(await session(request(1, method))).toEqual([failure(1, 'METHOD_NOT_FOUND')]);
    },
  );

  test('a line of two million bytes is refused, and nothing after it is heard', async () => {
    expect(await session('x'.repeat(2_000_000))).toEqual([invalid, 'closed']);
  });
});

test('what is wrong with parameters is said briefly, however long they are', async () => {
  const peer = await openPeer(testServer(), 'gateway');
  peer.send(request(1, 'service.ping', { ['x'.repeat(100_000)]: 1 }));
  expect((await peer.next())?.length).toBeLessThan(500);
});

test('answers made in one turn leave in one write', async () => {
  const peer = await openPeer(testServer(), 'gateway');
  const chunks: unknown[] = [];
  peer.stream.on('data', (chunk) => chunks.push(chunk));
  peer.send(...Array.from({ length: 100 }, (_, id) => request(id, 'service.ping')));
  for (let id = 0; id < 100; id += 1) await peer.next();
  expect(chunks).toHaveLength(1);
});

describe('a notification', () => {
  const notification = (method: keyof typeof PARAMS) =>
    JSON.stringify({ jsonrpc: '2.0', method, params: PARAMS[method] });

  test('is carried out', async () => {
    let reports = 0;
    const handlers = {
      'lease.report': () => {
        reports += 1;
        return { applied: true };
      },
    };
    const peer = await openPeer(testServer({ handlers }), 'gateway');
    peer.send(notification('lease.report'), request(1, 'service.ping'));
    expect(await peer.next()).toContain('pong');
    expect(reports).toBe(1);
  });

  test('takes no lease: nobody would receive it', async () => {
    let leases = 0;
    const handlers = {
      'lease.acquire': (...args: Parameters<(typeof HANDLERS)['lease.acquire']>) => {
        leases += 1;
        return HANDLERS['lease.acquire'](...args);
      },
    };
    const peer = await openPeer(testServer({ handlers }), 'gateway');
    peer.send(notification('lease.acquire'), `[${notification('lease.acquire')}]`);
    peer.send(request(1, 'service.ping'));
    expect(await peer.next()).toContain('pong');
    expect(leases).toBe(0);
  });
});

test('a handler that breaks is reported once and answered without its words', async () => {
  const errors: unknown[] = [];
  const server = testServer({
    handlers: {
      'service.ping': () => {
        throw new Error('canary');
      },
    },
    onError: (error, method) => errors.push([(error as Error).message, method]),
  });
  const peer = await openPeer(server, 'gateway');
  peer.send(request(1, 'service.ping'));
  const line = await peer.next();
  expect(parsed(line)).toEqual(failure(1, 'INTERNAL_ERROR'));
  expect(line).not.toContain('canary');
  expect(errors).toEqual([['canary', 'service.ping']]);
});

test('a client that half-closes after its requests still gets its answers', async () => {
  const gate = Promise.withResolvers<{ pong: true }>();
  const server = testServer({ handlers: { 'service.ping': () => gate.promise } });
  const peer = rawPeer(await connectInMemory(server));
  peer.send(helloLine('gateway'), request(1, 'service.ping'));
  peer.stream.end();
  await peer.next();
  gate.resolve({ pong: true });
  expect((await peer.rest()).map(parsed)).toEqual([
    { jsonrpc: '2.0', id: 1, result: { pong: true } },
  ]);
});

const methods = [...Object.keys(PARAMS), '__proto__', 'toString', 'rpc.x', ''] as const;
const id = fc.oneof(fc.integer(), fc.string({ maxLength: 8 }), fc.constant(null));
const call = fc.record(
  {
    jsonrpc: fc.constant('2.0'),
    method: fc.constantFrom(...methods),
    params: fc.oneof(
      fc.constantFrom(...Object.values(PARAMS)),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
      fc.array(fc.jsonValue({ maxDepth: 2 })),
    ),
    id,
  },
  { requiredKeys: ['jsonrpc', 'method'] },
);
const junk = fc.oneof(
  fc.jsonValue({ maxDepth: 20 }).filter((value) => !Array.isArray(value)),
  fc.record({ jsonrpc: fc.constant('2.0'), id: fc.jsonValue(), method: fc.jsonValue() }),
  fc.record({ jsonrpc: fc.constant('2.0'), id, result: fc.jsonValue() }),
);
const message = fc.oneof({ weight: 3, arbitrary: call }, { weight: 1, arbitrary: junk });
const line = fc.oneof(
  { weight: 4, arbitrary: message.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.array(message, { maxLength: 5 }).map((all) => JSON.stringify(all)) },
  { weight: 1, arbitrary: fc.string().map((text) => text.replaceAll('\n', ' ')) },
);

/** Ids of well-formed requests and their replies: an independent reading of the specification. */
function expectedReplies(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [null];
  }
  if (depth(value) > MAX_DEPTH) return [null];
  if (!Array.isArray(value)) return replyOf(value);
  return value.length === 0 ? [null] : value.flatMap(replyOf);
}

function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depth));
}

function replyOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [null];
  const { jsonrpc, method, params = {}, id: given } = value as Record<string, unknown>;
  const isStructured = typeof params === 'object' && params !== null;
  if (jsonrpc === '2.0' && typeof method === 'string' && isStructured && given === undefined) {
    return [];
  }
  if (typeof given === 'number') {
    // JSON writes -0.
    return [Math.abs(given) <= Number.MAX_SAFE_INTEGER ? given + 0 : null];
  }
  return [typeof given === 'string' ? given : null];
}

const idsOf = (reply: string) => {
  const value = JSON.parse(reply) as { id: unknown } | { id: unknown }[];
  return Array.isArray(value) ? value.map((one) => one.id) : [value.id];
};

const RUNS = Number(process.env['KMS_PROTOCOL_RUNS'] ?? 300);

/** Handlers of which half answer at once and half later. */
const mixedHandlers = {
  'service.ping': () => Promise.resolve({ pong: true as const }),
  'lease.report': () =>
    new Promise<{ applied: boolean }>((resolve) => setImmediate(resolve, { applied: true })),
};

test('whatever is sent, every request is answered once, and no notification ever', async () => {
  const server = testServer({ handlers: mixedHandlers, limits: { inFlight: 10_000 } });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
      const peer = rawPeer(await connectInMemory(server));
      peer.send(helloLine('gateway'), ...lines);
      peer.stream.end();
      const [, ...replies] = await peer.rest();
      const sorted = (ids: unknown[]) => ids.map((one) => JSON.stringify(one)).sort();
      expect(sorted(replies.flatMap(idsOf))).toEqual(sorted(lines.flatMap(expectedReplies)));
    }),
    { numRuns: RUNS },
  );
});

test('the answers are the same however the bytes are cut', async () => {
  const server = testServer();
  const ask = async (chunks: Buffer[]) => {
    const peer = rawPeer(await connectInMemory(server));
    for (const chunk of chunks) peer.stream.write(chunk);
    peer.stream.end();
    return await peer.rest();
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      async (lines, sizes) => {
        const bytes = Buffer.from([helloLine('gateway'), ...lines, ''].join('\n'));
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = sizes[chunks.length % sizes.length] ?? 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(await ask(chunks)).toEqual(await ask([bytes]));
      },
    ),
    { numRuns: RUNS },
  );
});
