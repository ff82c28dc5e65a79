import {
  outcomeOfRequest,
  type RequestSummary,
  type RequestView,
} from '@openrouter-proxy/kms-protocol';
import {
  failureInWords,
  reasonInWords,
  verdictInWords,
} from '@openrouter-proxy/kms-protocol/words';
import type { Cell } from '../terminal/table.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The part of a request id that `kms explain` accepts: the first part of a UUID. */
export const shortRequestId = (requestId: string): string =>
  UUID.test(requestId) ? requestId.slice(0, 8) : requestId;

const MAX_NAMED_KEYS = 3;

/** The names of the keys that a request tried, in order. */
export function keysTried({ steps }: RequestView): string {
  const names = [
    ...new Set(steps.flatMap((step) => (step.kind === 'attempt' ? [step.keyName] : []))),
  ];
  if (names.length === 0) return '–';
  const more = names.length - MAX_NAMED_KEYS;
  return names.slice(0, MAX_NAMED_KEYS).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const TONES = {
  answered: 'good',
  refused: 'warn',
  failed: 'bad',
  aborted: 'quiet',
} as const;

/** The result of a request, with the status that the client got. */
export function requestInWords(request: RequestView): Cell {
  const { end } = request;
  if (end === null) return { text: 'running', tone: 'quiet' };
  const status = end.status === null ? 'no answer' : String(end.status);
  return { text: `${endInWords(end, request)} (${status})`, tone: TONES[outcomeOfRequest(end)] };
}

function endInWords(end: RequestSummary, { steps }: RequestView): string {
  switch (outcomeOfRequest(end)) {
    case 'answered':
      return 'answered';
    case 'aborted':
      return 'client left';
    case 'failed':
    case 'refused': {
      if (end.failure !== null) return failureInWords(end.failure);
      if (end.verdict !== 'complete') return verdictInWords(end.verdict);
      // The last attempt names an error of OpenRouter that was passed on.
      const last = steps.at(-1);
      return reasonInWords((last?.kind === 'attempt' ? last.outcome : null) ?? 'caller_error');
    }
  }
}
