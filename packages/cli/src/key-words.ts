import type { Cause, KeyView, LimitView } from '@openrouter-proxy/kms-protocol';
import { until } from './terminal/instant.ts';
import type { Cell } from './terminal/table.ts';

/** A name of the protocol as words: `rate_limited` → `rate limited`. */
const words = (name: string): string => name.replaceAll('_', ' ');

const SOURCE: Readonly<Record<Cause['source'], string>> = {
  header: 'a header of the answer',
  body: 'the body of the answer',
  inspection: 'GET /key, which was asked about it',
  window: "the end of the limit's own period",
  operator: "an operator's word",
  default: 'a guess: the configured time',
  'back-off': 'a guess that grows with each refusal',
  strike: 'a guess after a first refusal',
};

/** Where the end of something is known from. */
export const sourceInWords = (source: Cause['source']): string => SOURCE[source];

/** Why something is set aside, in few words. */
export function causeInWords({ reason, detail }: Cause): string {
  const said = detail.trim();
  if (reason === 'operator') return said === '' ? 'an operator' : `an operator: ${said}`;
  return said === '' ? words(reason) : `${words(reason)}: ${said}`;
}

/** How a key stands, as a word with the tone of its meaning. */
export function standing({ state, limits }: KeyView): Cell {
  switch (state.kind) {
    case 'available':
      return limits.length === 0
        ? { text: 'serving', tone: 'good' }
        : { text: 'limited', tone: 'warn' };
    case 'returning':
      return { text: 'returning', tone: 'warn' };
    case 'cooling':
      return { text: 'cooling', tone: 'warn' };
    case 'disabled':
      return { text: 'disabled', tone: 'bad' };
  }
}

/** What a limit shuts out. */
function limitSubject({ scope, pool, model }: LimitView): string {
  const models = { free: 'free models', paid: 'paid models', all: 'every model' }[pool];
  switch (scope) {
    case 'account':
      return `${models} on its account`;
    case 'account-model':
      return `${model ?? models} on its account`;
    case 'key-model':
      return `${model ?? models} on this key`;
    case 'model':
      return model ?? models;
    case 'upstream':
      return 'the way to OpenRouter';
  }
}

/** A limit with its end and its cause. */
export const limitInWords = (limit: LimitView, now: number): string =>
  `${limitSubject(limit)} ${endInWords(limit, now)}`;

const endInWords = (limit: LimitView, now: number) =>
  `${until(limit.until, now)}: ${causeInWords(limit.cause)}`;

/** What is not to be had under a limit. */
function lack({ scope, pool, model }: LimitView): string {
  const models = { free: 'no free models', paid: 'no paid models', all: 'no models' }[pool];
  const lacking = model === null ? models : `not ${model}`;
  switch (scope) {
    case 'account':
    case 'account-model':
      return `${scope === 'account' ? models : lacking} on its account`;
    case 'key-model':
      return `${lacking} on this key`;
    case 'model':
      return lacking;
    case 'upstream':
      return 'no way to OpenRouter';
  }
}

/** Until when, and why; empty for a key that serves. */
export function standingNote(
  { state, limits }: Pick<KeyView, 'state' | 'limits'>,
  now: number,
): string {
  switch (state.kind) {
    case 'cooling':
      return `${until(state.until, now)}: ${causeInWords(state.cause)}`;
    case 'disabled':
      return causeInWords(state.cause);
    case 'returning':
      return `at most ${state.allowance} at once after: ${causeInWords(state.cause)}`;
    case 'available': {
      const [first] = limits.toSorted((a, b) => b.until - a.until);
      if (first === undefined) return '';
      const more = limits.length > 1 ? ` (and ${limits.length - 1} more)` : '';
      return `${lack(first)} ${endInWords(first, now)}${more}`;
    }
  }
}
