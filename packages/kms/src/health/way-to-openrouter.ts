import type { LimitBook } from '../limit-book.ts';
import type { HealthFacts } from './causes.ts';
import type { Contacts } from './contacts.ts';

/** What is known to be wrong between here and OpenRouter, for every key alike. */
export function wayToOpenRouter(
  contacts: Pick<Contacts, 'trouble'>,
  limits: LimitBook,
  now: number,
): Pick<HealthFacts, 'trouble' | 'block'> {
  const block = limits.on({ scope: 'upstream' }, now);
  const isBlock = block?.cause.reason === 'edge_blocked';
  return {
    trouble: contacts.trouble,
    block: isBlock ? { since: block.since, detail: block.cause.detail } : null,
  };
}
