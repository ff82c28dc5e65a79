import { healthStatement, type KeyView, type Result } from '@openrouter-proxy/kms-protocol';
import { standingOf } from '@openrouter-proxy/kms-protocol/key-standing';
import { rejectionInWords } from '@openrouter-proxy/kms-protocol/words';
import type { RequestPool } from '../limits/model-pool.ts';
import type { Blocker } from '../selection/blockers.ts';

/** As many as the protocol allows. */
const MAX_REASONS = 16;

type Reason = Result<'keys.whyNot'>['reasons'][number];

/** Cuts a reason to the length that the protocol allows. */
const shortened = ({ what, until }: Reason): Reason => ({ what: what.slice(0, 400), until });

const reasonOf = ({ why, detail, until }: Blocker): Reason => ({
  what: detail === '' ? why : `${why}: ${detail}`,
  until,
});

/** Reasons from the last contact: OpenRouter rejects the key, or no key reaches OpenRouter. */
function contactReasons({ state, check, upstream, limits }: KeyView, now: number): Reason[] {
  const reasons: Reason[] = [];
  if (check !== null && standingOf({ state, check, upstream, limits }) === 'refused') {
    reasons.push({ what: `OpenRouter refuses the key: ${rejectionInWords(check)}`, until: null });
  }
  if (upstream !== null) {
    const { sentence } = healthStatement(upstream, now);
    reasons.push({ what: sentence.replace(/\.$/, ''), until: null });
  }
  return reasons;
}

/** Blockers that repeat a reason from the last contact. */
const OF_CONTACT: readonly string[] = ['unauthorized', 'connection_failed', 'edge_blocked'];

const isNotOfContact = ({ reason }: Blocker) => !OF_CONTACT.includes(reason);

/** Reasons why a key has no room for another request. */
function fullReasons(view: KeyView, pool: RequestPool): Reason[] {
  const { inFlight, maxConcurrency, state, freeRequests } = view;
  const reasons: Reason[] = [];
  if (maxConcurrency !== null && inFlight >= maxConcurrency) {
    reasons.push({ what: `${inFlight} requests under way, as many as it may have`, until: null });
  }
  if (state.kind === 'returning' && inFlight >= state.allowance) {
    reasons.push({ what: `returning: ${state.allowance} unproven at once`, until: null });
  }
  if (pool === 'paid') return reasons;
  for (const [name, { used, limit, resetsAt }] of Object.entries(freeRequests)) {
    if (limit === null || used < limit) continue;
    reasons.push({
      what: `${Math.min(used, limit)} of ${limit} free requests of the ${name} used`,
      until: resetsAt,
    });
  }
  return reasons;
}

/** Whether a key could serve now, and every reason against it. */
export function whyNot(
  view: KeyView,
  blockers: readonly Blocker[],
  pool: RequestPool,
  now: number,
): Result<'keys.whyNot'> {
  const contact = contactReasons(view, now);
  const others = contact.length === 0 ? blockers : blockers.filter(isNotOfContact);
  const reasons = [...contact, ...others.map(reasonOf), ...fullReasons(view, pool)];
  return {
    canServe: reasons.length === 0,
    reasons: reasons.slice(0, MAX_REASONS).map(shortened),
  };
}
