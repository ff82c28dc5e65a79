import type { Refusal } from './outcome.ts';

/** How many seconds the upstream asks to wait, in its header or its body; undefined: it names none. */
export function secondsToWait({ evidence }: Pick<Refusal, 'evidence'>): string | undefined {
  return evidence.find(
    ({ field, value }) => /^retry[-_]after/.test(field) && /^\d{1,6}$/.test(value),
  )?.value;
}
