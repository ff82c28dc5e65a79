import type { KeyView, RequestWindow } from '@openrouter-proxy/kms-protocol';
import { standingOf } from '@openrouter-proxy/kms-protocol/key-standing';
import { formatCost, overLimitInWords, sourceInWords } from '@openrouter-proxy/kms-protocol/words';
import { printJson, type Command, type Context } from './command.ts';
import type { Ending } from '../connection/failure.ts';
import { withKms } from '../connection/connection.ts';
import { findKey } from '../arguments/find-key.ts';
import {
  causeInWords,
  limitInWords,
  refusalInWords,
  standing,
  upstreamInWords,
} from '../words/key-words.ts';
import { clockTime, span, until, when } from '../terminal/instant.ts';
import { count, share } from '../terminal/number.ts';
import { plain } from '@openrouter-proxy/runtime';

/** The KEY argument. */
export const KEY_ARGUMENT = {
  name: 'key',
  description: "its name, its id, or the id's beginning",
  kind: 'key',
} as const;

export const key: Command = {
  name: 'key',
  summary: 'Everything about one key, but its secret',
  argument: KEY_ARGUMENT,
  examples: [
    ['kms key team-b', 'by name'],
    ['kms key 3fa1', 'by the beginning of its id'],
  ],
  json: 'the result of `keys.get`',
  run: async (context, meant) =>
    withKms(context.where, context.io, async (kms): Promise<Ending> => {
      const found = await findKey(kms, meant);
      if (context.json) printJson(context, found);
      else context.io.out(keyText(found, context));
      return 'done';
    }),
};

/** A key's details as lines of name and value. */
function keyText(view: KeyView, { io, paint }: Context): string {
  const now = io.now();
  const { text, tone } = standing(view);
  const since = standingSince(view);
  const lines: [string, string][] = [
    ['key', `${paint('strong', plain(view.name))}  ${view.keyId}`],
    ['state', `${paint(tone, text)} for ${span(now - since)} (since ${clockTime(since, now)})`],
    ...checkLines(view, now),
    ...stateLines(view, now),
    ...view.limits.map((limit): [string, string] => ['not for', limitInWords(limit, now)]),
    ['account', view.account],
    ['free', windowText('this minute', view.freeRequests.minute, now)],
    ['', windowText('this UTC day', view.freeRequests.day, now)],
    [
      'flight',
      `${count(view.inFlight)} of ${view.maxConcurrency === null ? 'any number' : count(view.maxConcurrency)} at once`,
    ],
    ...todayLines(view),
    [
      'cap',
      view.limitRemaining === null
        ? 'none of its own, or not known'
        : `${formatCost(view.limitRemaining)} left`,
    ],
    ['ends', view.expiresAt === null ? 'never, or not known' : when(view.expiresAt, now)],
  ];
  return lines
    .map(([name, value]) => `${paint('quiet', name.padEnd(8))}  ${safe(name, value)}\n`)
    .join('');
}

/** Colours our own first lines, and escapes text from outside. */
const safe = (name: string, value: string) =>
  name === 'key' || name === 'state' ? value : plain(value);

function standingSince(view: KeyView): number {
  const word = standingOf(view);
  if (word === 'refused') return view.check?.since ?? view.statusSince;
  return word === 'unreachable' ? (view.upstream?.since ?? view.statusSince) : view.statusSince;
}

/** The result of the last key check at OpenRouter. */
function checkLines(view: KeyView, now: number): [string, string][] {
  const { check, upstream } = view;
  return [
    ...verdictLines(view, check, now),
    ...(upstream === null
      ? []
      : [['upstream', upstreamInWords(upstream, now)] as [string, string]]),
  ];
}

function verdictLines(view: KeyView, check: KeyView['check'], now: number): [string, string][] {
  if (check === null) return [['checked', 'not yet: OpenRouter has not been asked about it']];
  if (standingOf(view) === 'refused') return [['checked', refusalInWords(check, now)]];
  const at = when(check.at, now);
  const { verdict, status, detail } = check;
  if (verdict === 'accepted') return [['checked', `accepted by OpenRouter ${at}`]];
  const answer = [status === null ? '' : `HTTP ${status}`, detail].filter(Boolean).join(' ');
  return [['checked', `${verdict} ${at}: ${answer}`]];
}

function stateLines({ state }: KeyView, now: number): [string, string][] {
  if (state.kind === 'available') return [];
  const ends: [string, string][] =
    state.kind === 'cooling' ? [['until', until(state.until, now).replace('until ', '')]] : [];
  return [
    ...ends,
    ['why', causeInWords(state.cause)],
    ['source', sourceInWords(state.cause.source)],
  ];
}

function todayLines({ today, unexplainedCost }: KeyView): [string, string][] {
  const asked = today.answered + today.failed;
  const elsewhere: [string, string][] =
    unexplainedCost === null
      ? []
      : [['leak?', `${formatCost(unexplainedCost)} was spent today, and not through this gateway`]];
  return [
    ['today', `${count(asked)} asked, ${share(today.answered, asked)} answered`],
    [
      '',
      `${count(today.sent)} tokens sent, ${count(today.received)} received, ${formatCost(today.cost)}`,
    ],
    ...elsewhere,
  ];
}

function windowText(which: string, { used, limit, resetsAt }: RequestWindow, now: number): string {
  const resets = until(resetsAt, now);
  if (limit === null) {
    return `${count(used)} requests to free models ${which}, ${resets}; the limit is not known yet`;
  }
  const over = overLimitInWords(used, limit);
  const within = `${count(Math.min(used, limit))} of ${count(limit)} requests to free models ${which}`;
  return `${within}, ${resets}${over === null ? '' : `; ${over}`}`;
}
