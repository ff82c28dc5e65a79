import type { Finding, HealthCauseKind, Outcome } from '@openrouter-proxy/kms-protocol';

/** What can be wrong between here and OpenRouter. */
export type TroubleKind = Extract<
  HealthCauseKind,
  | 'dns_failed'
  | 'certificate_untrusted'
  | 'certificate_dates'
  | 'connection_failed'
  | 'upstream_failing'
  | 'upstream_blocked'
>;

/** What the other side said, in its words. */
interface Said {
  /** Null: there was no answer. */
  readonly status: number | null;
  readonly detail: string;
}

/** What one contact with OpenRouter tells. */
export type Contact =
  /** OpenRouter answered; what it thinks of the key, if the answer tells. */
  | ({ readonly kind: 'answered'; readonly key: 'accepted' | 'refused' | 'unknown' } & Said)
  /** OpenRouter did not answer, or not as it should. */
  | ({ readonly kind: 'trouble'; readonly trouble: TroubleKind } & Said)
  /** It may be OpenRouter, or the provider behind it: `GET /key` tells. */
  | { readonly kind: 'doubt' }
  /** Nothing was asked, or the client went away. */
  | { readonly kind: 'none' };

const TROUBLE_OF = {
  dns: 'dns_failed',
  certificate: 'certificate_untrusted',
  certificate_dates: 'certificate_dates',
} as const;

const said = (outcome: Extract<Outcome, { detail: string }>): Said => ({
  status: 'status' in outcome ? outcome.status : null,
  detail: outcome.detail,
});

/** What the outcome of a client's request tells. `model`: null if the request needs no valid key. */
export function contactOfRequest(outcome: Outcome, model: string | null): Contact {
  switch (outcome.kind) {
    case 'success':
      return {
        ...{ kind: 'answered', key: model === null ? 'unknown' : 'accepted' },
        ...{ status: outcome.status, detail: '' },
      };
    case 'unauthorized':
      return { kind: 'answered', key: 'refused', ...said(outcome) };
    case 'rate_limited':
    case 'free_tier_exhausted':
    case 'key_limit_reached':
    case 'credits_exhausted':
    case 'credits_short':
    case 'budget_exhausted':
    case 'in_flight_budget_held':
    case 'model_throttled':
      return { kind: 'answered', key: 'accepted', ...said(outcome) };
    case 'caller_error':
    case 'model_limited':
      return { kind: 'answered', key: 'unknown', ...said(outcome) };
    case 'connection_failed':
      return troubleOf(outcome);
    case 'edge_blocked':
      return { kind: 'trouble', trouble: 'upstream_blocked', ...said(outcome) };
    case 'provider_limited':
    case 'provider_failed':
      return outcome.provider === undefined
        ? { kind: 'doubt' }
        : { kind: 'answered', key: 'unknown', ...said(outcome) };
    case 'timeout':
    case 'truncated':
      return { kind: 'doubt' };
    case 'client_abort':
    case 'unused':
      return { kind: 'none' };
  }
}

/** What an answer to `GET /key`, behind which there is no provider, tells. */
export function contactOfCheck(finding: Finding): Contact {
  if (finding.kind === 'facts') {
    return { kind: 'answered', key: 'accepted', status: 200, detail: '' };
  }
  const { outcome } = finding;
  switch (outcome.kind) {
    case 'provider_failed':
    case 'provider_limited':
    case 'model_limited':
    case 'caller_error':
      return { kind: 'trouble', trouble: 'upstream_failing', ...said(outcome) };
    case 'timeout':
    case 'truncated':
      return { kind: 'trouble', trouble: 'connection_failed', ...said(outcome) };
    default:
      return contactOfRequest(outcome, null);
  }
}

function troubleOf(outcome: Extract<Outcome, { kind: 'connection_failed' }>): Contact {
  const { problem } = outcome;
  const trouble = problem === undefined ? 'connection_failed' : TROUBLE_OF[problem];
  return { kind: 'trouble', trouble, ...said(outcome) };
}
