import { evidenceInstants } from '@openrouter-proxy/kms-protocol';
import type { Refusal } from './outcome.ts';

/** How long the upstream asks to wait, in milliseconds, by the best evidence; undefined: it does not say. */
export function waitAskedFor(
  { evidence }: Pick<Refusal, 'evidence'>,
  now: number,
): number | undefined {
  const [best] = evidenceInstants(evidence, now);
  return best === undefined ? undefined : Math.ceil(best.instant - now);
}
