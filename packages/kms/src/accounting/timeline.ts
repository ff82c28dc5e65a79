import type { LedgerStep, LeftOut, RequestView } from '@openrouter-proxy/kms-protocol';
import {
  failureInWords,
  lengthInWords,
  reasonInWords,
  refusalInWords,
  ruleInWords,
  verdictInWords,
} from '@openrouter-proxy/kms-protocol/words';

/** The most keys that one line names. */
const MAX_NAMED = 3;

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/**
 * The timeline of a request, for a person, with hints to requests of other clients with the same
 * id.
 */
export function timelineOf(request: RequestView, namesakes: readonly RequestView[] = []): string[] {
  const { api, model, client, steps } = request;
  const forModel = model === null ? '' : ` for ${model}`;
  const by = client === null ? '' : ` from ${client}`;
  return [
    `${api}${forModel}${by}`,
    ...told(steps),
    ending(request),
    ...namesakes.slice(0, MAX_NAMED).map(namesakeLine),
  ];
}

function namesakeLine({ requestId, internalId = requestId, client }: RequestView): string {
  return `${client ?? 'A request without a client'} uses the same id: kms explain ${internalId}`;
}

/** The most steps with a line of their own. Of more, the middle is summed up. */
const MAX_TOLD = 6;

function told(steps: readonly LedgerStep[]): string[] {
  const lines = steps.map((step, index) => `${index + 1}. ${stepLine(step, steps[index - 1])}`);
  if (lines.length <= MAX_TOLD) return lines;
  const first = lines.slice(0, MAX_TOLD - 2);
  const skipped = lines.length - first.length - 1;
  return [...first, `   … and ${plural(skipped, 'further attempt')} …`, ...lines.slice(-1)];
}

function stepLine(step: LedgerStep, before: LedgerStep | undefined): string {
  const after = before === undefined ? '' : pause(before, step);
  if (step.kind === 'refused') {
    return `${after}no key: ${refusalInWords(step.reason)}, ${helpOf(step)}${others(step)}`;
  }
  const among =
    step.candidates === 1
      ? 'the only one that could serve'
      : `${ruleInWords(step.rule)} among ${step.candidates}`;
  return `${after}${step.keyName} (${among}${others(step)}): ${outcomeOf(step)}${followed(step)}`;
}

/** Says what ends a refusal. */
function helpOf({ reason, retryAfterMs }: Extract<LedgerStep, { kind: 'refused' }>): string {
  if (reason === 'keys_refused') return 'which only other keys can end';
  return retryAfterMs === null
    ? 'with no known end'
    : `one may serve in ${lengthInWords(retryAfterMs)}`;
}

/** A wait between two attempts is part of the timeline. */
function pause(before: LedgerStep, { at }: LedgerStep): string {
  const since = before.kind === 'attempt' ? (before.endedAt ?? before.at) : before.at;
  return at - since < 500 ? '' : `after ${lengthInWords(at - since)}, `;
}

function others({ at, leftOut, leftOutCount }: LedgerStep): string {
  if (leftOutCount === 0) return '';
  const named = leftOut.slice(0, MAX_NAMED).map((one) => nameLeftOut(one, at));
  const more = leftOutCount > named.length ? `, ${leftOutCount - named.length} more` : '';
  return `; could not use ${named.join(', ')}${more}`;
}

function nameLeftOut({ keyName, why, until }: LeftOut, at: number): string {
  const end = until === null ? '' : `, which ends in ${lengthInWords(until - at)}`;
  return `${keyName} (${why}${end})`;
}

function outcomeOf(step: Extract<LedgerStep, { kind: 'attempt' }>): string {
  if (step.outcome === null || step.endedAt === null) return 'under way';
  const status = step.status === null ? '' : ` (${step.status})`;
  const detail = step.detail === '' ? '' : ` “${step.detail.slice(0, 120)}”`;
  return `${reasonInWords(step.outcome)}${status} after ${lengthInWords(step.endedAt - step.at)}${detail}`;
}

function followed({ followed: effects }: Extract<LedgerStep, { kind: 'attempt' }>): string {
  return effects.length === 0 ? '' : ` → ${effects.join('; ')}`;
}

function ending({ end }: RequestView): string {
  if (end === null) return 'It is under way.';
  const { status, verdict, totalMs, failure, usage, queuedMs, generationId } = end;
  const answer = status === null ? 'The client got no answer' : `The client got ${status}`;
  const why = failure === null ? `, ${verdictInWords(verdict)}` : ` (${failureInWords(failure)})`;
  const waited = queuedMs < 1 ? '' : `, of which it waited ${lengthInWords(queuedMs)} for a key`;
  const used =
    usage === null
      ? ''
      : ` ${usage.sent} + ${usage.received} tokens, $${Number(usage.cost.toPrecision(6))}.`;
  const name = generationId === null ? '' : ` OpenRouter calls it ${generationId}.`;
  return `${answer}${why}, after ${lengthInWords(totalMs)}${waited}.${used}${name}`;
}
