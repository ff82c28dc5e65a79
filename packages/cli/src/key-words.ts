import type { Cause, KeyCheck, KeyView, LimitView } from '@openrouter-proxy/kms-protocol';
import { limitSubject, reasonInWords } from '@openrouter-proxy/kms-protocol/words';
import { clockTime, until } from './terminal/instant.ts';
import type { Cell } from './terminal/table.ts';

/** Why something is set aside, in few words. */
export function causeInWords({ reason, detail }: Cause): string {
  const said = detail.trim();
  if (reason === 'operator') return said === '' ? 'an operator' : `an operator: ${said}`;
  return said === '' ? reasonInWords(reason) : `${reasonInWords(reason)}: ${said}`;
}

/** Whether OpenRouter refused the key when it was asked last; one that an operator disabled is just that. */
export function isRefused({ state, check }: Pick<KeyView, 'state' | 'check'>): boolean {
  const isOperators = state.kind === 'disabled' && state.cause.source === 'operator';
  return check?.verdict === 'refused' && !isOperators;
}

/** `refused by OpenRouter since 06:09:12: HTTP 401 User not found.` */
export function refusalInWords({ since, status, detail }: KeyCheck, now: number): string {
  const answer = [status === null ? '' : `HTTP ${status}`, detail].filter(Boolean).join(' ');
  return `refused by OpenRouter since ${clockTime(since, now)}: ${answer}`;
}

/** How a key stands, as a word with the tone of its meaning. */
export function standing({ state, check, limits }: KeyView): Cell {
  if (isRefused({ state, check })) return { text: 'refused', tone: 'bad' };
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
  { state, check, limits }: Pick<KeyView, 'state' | 'check' | 'limits'>,
  now: number,
): string {
  if (check !== null && isRefused({ state, check })) return refusalInWords(check, now);
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
