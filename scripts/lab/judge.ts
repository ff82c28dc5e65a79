import type { KeyView, LimitView } from '@openrouter-proxy/kms-protocol';
import type { Answer } from './ask.ts';
import type { Seen, SetAside, Trial } from './trial.ts';

/** What the fake's answers say. */
const CONTENT = 'You';
const ERROR = '"error"';
/** How the gateway's own errors can be told. */
const OWN = '"source":"gateway"';

/** What came of a trial. */
export interface Observed {
  readonly answer: Answer;
  readonly setAside: readonly SetAside[];
  /** Whether the gateway still serves, when the fault is over. */
  readonly isAlive: boolean;
  /** Whether a key, or its beginning, was in what the client got. */
  readonly leaked: boolean;
}

/** What the client has seen, in a word or two. */
export function seenIn({ status, text, isComplete }: Answer): string {
  if (status === null) return 'no answer';
  if (!isComplete) return text.includes(ERROR) ? 'broken off' : `${status}, cut without a word`;
  if (status === 200 && !text.includes(ERROR)) return text.includes(CONTENT) ? 'served' : 'empty';
  return `${text.includes(OWN) ? 'refused' : 'passed on'} ${status}`;
}

const expectedWords = (seen: Seen) =>
  'status' in seen ? `${seen.kind} ${seen.status}` : seen.kind;

/** What of a pool is set aside: `limits` are those that concern every key. */
export function setAsideIn(keys: readonly KeyView[], limits: readonly LimitView[]): SetAside[] {
  const isAnyKey = keys.some(({ state }) => state.kind !== 'available');
  const all = [...limits, ...keys.flatMap((key) => key.limits)];
  return [...new Set([...(isAnyKey ? ['key' as const] : []), ...all.map(({ scope }) => scope)])];
}

/** Everything that is not as it is to be; empty: it passes. */
export function complaints({ seen, setAside }: Trial, observed: Observed): string[] {
  const { answer, isAlive, leaked } = observed;
  const was = seenIn(answer);
  const wanted = expectedWords(seen);
  return [
    ...(was === wanted ? [] : [`the client was to be ${wanted}`]),
    ...(observed.setAside.join() === (setAside ?? '')
      ? []
      : [`to be set aside: ${setAside ?? 'nothing'}`]),
    ...(isAlive ? [] : ['the gateway no longer serves']),
    ...(leaked ? ['a key was told'] : []),
  ];
}
