import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { HealthFacts } from './causes.ts';
import type { Contacts } from './contacts.ts';

/** The known failure between this machine and OpenRouter, for every key. */
export function upstreamStatus(
  contacts: Pick<Contacts, 'trouble'>,
  limits: LimitRegistry,
  now: number,
): Pick<HealthFacts, 'trouble' | 'block'> {
  const block = limits.on({ scope: 'upstream' }, now);
  const isBlock = block?.cause.reason === 'edge_blocked';
  return {
    trouble: contacts.trouble,
    block: isBlock ? { since: block.since, detail: block.cause.detail } : null,
  };
}
