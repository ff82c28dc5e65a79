import type { FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import type { Client } from './client.ts';

/** What a client met. */
export type Result =
  /** It showed the whole answer. */
  | 'answer'
  /** It showed the words of the gateway, or of OpenRouter's refusal. */
  | 'message'
  /** It showed another error. */
  | 'error'
  /** It ended as if all were well, without the whole answer. */
  | 'fooled'
  /** It was interrupted, ended, and so did its request. */
  | 'stopped'
  /** It was interrupted, and its request went on, or it did itself. */
  | 'not stopped'
  /** It did not end within its deadline. */
  | 'hang';

/** A situation that every client is put into. */
export interface Situation {
  readonly name: string;
  /** Makes the fake OpenRouter behave so. */
  readonly prepare: (fake: FakeOpenRouter, client: Client) => void;
  readonly usesTool?: boolean;
  /** Interrupts it once its answer has begun, or is waited for. */
  readonly interrupts?: boolean;
  /** The results that are right. */
  readonly right: readonly Result[];
  /** The time within which the client has to show one of them, in milliseconds. */
  readonly withinMs?: number;
}

const INFERENCE = { method: 'POST' } as const;
/** The longest that a client may leave its user without an answer or an error. */
const PATIENCE_MS = 60_000;

function limitKeys(fake: FakeOpenRouter, retryAfterSeconds: number, only?: string): void {
  const headers = {
    'content-type': 'application/json',
    'retry-after': String(retryAfterSeconds),
  };
  const body = '{"error":{"message":"Too many requests","code":429}}';
  for (const { name } of fake.keys) {
    if (only !== undefined && name !== only) continue;
    const match = { ...INFERENCE, key: name };
    fake.rules.add({ match, fault: { kind: 'answer', status: 429, headers, body }, times: 1 });
  }
}

/** In the order of the matrix's columns. */
export const SITUATIONS: readonly Situation[] = [
  { name: 'good', prepare: () => undefined, right: ['answer'] },
  { name: 'tool call', prepare: () => undefined, usesTool: true, right: ['answer'] },
  {
    name: 'first key limited',
    prepare: (fake) => limitKeys(fake, 3_600, fake.keys[0]?.name),
    right: ['answer'],
  },
  {
    name: 'cut stream',
    prepare: (fake) =>
      fake.rules.add({ match: INFERENCE, fault: { kind: 'reset', when: { events: 2 } } }),
    right: ['message', 'error'],
    withinMs: PATIENCE_MS,
  },
  {
    name: 'all limited, 8 s',
    prepare: (fake) => limitKeys(fake, 8),
    right: ['answer', 'message', 'error'],
    withinMs: PATIENCE_MS,
  },
  {
    name: 'all limited, 1 h',
    prepare: (fake) => limitKeys(fake, 3_600),
    right: ['message', 'error'],
    withinMs: PATIENCE_MS,
  },
  {
    name: 'Ctrl-C',
    prepare: (fake, { isUnstreamed }) => {
      const slow = isUnstreamed === true ? { headersMs: 30_000 } : { eventMs: 1_000 };
      fake.rules.add({ match: INFERENCE, fault: { kind: 'delay', ...slow } });
    },
    interrupts: true,
    right: ['stopped'],
  },
];

/** Words of the errors that these situations bring about. */
const OUR_WORDS =
  /Every key is limited|Try again (?:in|at) \d|The answer is not whole|broke off within|Too many requests/;
const ERROR_WORDS = /error|terminated|fail|429|502|disconnect|premature/i;

/** White space, and the lines of a table that breaks words over its rows. */
const GAPS = /[\s│]+/g;

/** Whether an output has our words in it. */
export const showsOurWords = (output: string): boolean =>
  OUR_WORDS.test(output.replaceAll(GAPS, ' '));

/** The end of every answer of the fake. */
const WHOLE_ANSWER = /You said:[\s\S]*noted\./;

/** What a client's output and exit code say. */
export function resultOf(output: string, exitCode: number | undefined): Result {
  if (WHOLE_ANSWER.test(output)) return 'answer';
  if (showsOurWords(output)) return 'message';
  return exitCode !== 0 || ERROR_WORDS.test(output) ? 'error' : 'fooled';
}
