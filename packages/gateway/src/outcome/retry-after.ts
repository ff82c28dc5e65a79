import { evidenceInstants } from '@openrouter-proxy/kms-protocol';
import type { Refusal } from './outcome.ts';

/** The wait that the upstream asks for, in milliseconds, by the best evidence; undefined: it gives none. */
export function waitAskedFor(
  { evidence }: Pick<Refusal, 'evidence'>,
  now: number,
): number | undefined {
  const [best] = evidenceInstants(evidence, now);
  return best === undefined ? undefined : Math.ceil(best.instant - now);
}
