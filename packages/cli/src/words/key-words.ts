import {
  healthStatement,
  type Cause,
  type HealthCause,
  type KeyCheck,
  type LimitView,
} from '@openrouter-proxy/kms-protocol';
import {
  standingOf,
  type KeyStanding,
  type StandingFacts,
} from '@openrouter-proxy/kms-protocol/key-standing';
import { circuitInWords, limitSubject, reasonInWords } from '@openrouter-proxy/kms-protocol/words';
import { clockTime, until } from '../terminal/instant.ts';
import type { Tone } from '../terminal/style.ts';
import type { Cell } from '../terminal/table.ts';

/** The cause of a limit, in a few words. */
export function causeInWords({ reason, detail }: Cause): string {
  const said = detail.trim();
  if (reason === 'operator') return said === '' ? 'an operator' : `an operator: ${said}`;
  return said === '' ? reasonInWords(reason) : `${reasonInWords(reason)}: ${said}`;
}

/** `OpenRouter's host name cannot be resolved since 06:09:12: …` */
export const upstreamInWords = (cause: HealthCause, now: number): string =>
  healthStatement(cause, now, clockTime).sentence.replace(/\.$/, '');

/** `refused by OpenRouter since 06:09:12: HTTP 401 User not found.` */
export function refusalInWords({ since, status, detail }: KeyCheck, now: number): string {
  const answer = [status === null ? '' : `HTTP ${status}`, detail].filter(Boolean).join(' ');
  return `refused by OpenRouter since ${clockTime(since, now)}: ${answer}`;
}

/** A key's status as a word with its tone. */
export function standing(view: StandingFacts): Cell {
  const text = standingOf(view);
  return { text, tone: TONE[text] };
}

const TONE: Readonly<Record<KeyStanding, Tone>> = {
  serving: 'good',
  limited: 'warn',
  returning: 'warn',
  cooling: 'warn',
  unreachable: 'bad',
  disabled: 'bad',
  refused: 'bad',
};

/** A limit with its end and its cause. */
export function limitInWords(limit: LimitView, now: number): string {
  const { circuit, since, cause } = limit;
  const subject = limitSubject(limit);
  if (circuit === undefined) return `${subject} ${endInWords(limit, now)}`;
  const when =
    circuit.state === 'open' ? until(limit.until, now) : `since ${clockTime(since, now)}`;
  return `${subject} ${when} (${circuitInWords(circuit)}): ${causeInWords(cause)}`;
}

const endInWords = (limit: LimitView, now: number) =>
  `${until(limit.until, now)}: ${causeInWords(limit.cause)}`;

/** The requests that a limit blocks. */
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

/** End and cause of a key's limit; empty for an available key. */
export function standingNote(view: StandingFacts, now: number): string {
  const { state, check, upstream, limits } = view;
  const word = standingOf(view);
  if (check !== null && word === 'refused') return refusalInWords(check, now);
  if (upstream !== null && word === 'unreachable') return upstreamInWords(upstream, now);
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
