import {
  connectionCause,
  type KeyCheckResult,
  type HealthCauseKind,
  type Outcome,
  type OutcomeKind,
} from '@openrouter-proxy/kms-protocol';

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

/** A client that leaves after a silence as long as this may have left because of it. */
const SILENCE_MS = 2_000;

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

const said = (outcome: Extract<Outcome, { detail: string }>): Said => ({
  status: 'status' in outcome ? outcome.status : null,
  detail: outcome.detail,
});

/** What a request was for. */
export interface Asked {
  /** Null: the request needs no valid key. */
  readonly model: string | null;
  /** False: it was for another endpoint than a model's. */
  readonly isInference: boolean;
}

type Teller<Kind extends OutcomeKind> = (
  outcome: Extract<Outcome, { kind: Kind }>,
  asked: Asked,
) => Contact;

const answered =
  (key: 'accepted' | 'refused' | 'unknown') =>
  (outcome: Extract<Outcome, { detail: string }>): Contact => ({
    ...{ kind: 'answered', key },
    ...said(outcome),
  });
const doubt = (): Contact => ({ kind: 'doubt' });
const none = (): Contact => ({ kind: 'none' });
/** Behind OpenRouter there is a provider: without its name it may be OpenRouter itself. */
const providersFault = (
  outcome: Extract<Outcome, { kind: 'provider_failed' | 'provider_limited' }>,
): Contact => (outcome.provider === undefined ? doubt() : answered('unknown')(outcome));

/** What each kind of outcome of a client's request tells. */
const TELLERS: { readonly [Kind in OutcomeKind]: Teller<Kind> } = {
  success: ({ status }, { model }) => {
    const key = model === null ? 'unknown' : 'accepted';
    return { kind: 'answered', key, status, detail: '' };
  },
  unauthorized: (outcome, { isInference }) =>
    isInference ? answered('refused')(outcome) : doubt(),
  connection_failed: (outcome) => troubleOf(outcome),
  edge_blocked: (outcome) => ({
    ...{ kind: 'trouble', trouble: 'upstream_blocked' },
    ...said(outcome),
  }),
  edge_refused: doubt,
  edge_failed: doubt,
  provider_limited: providersFault,
  provider_failed: providersFault,
  rate_limited: answered('accepted'),
  free_tier_exhausted: answered('accepted'),
  key_limit_reached: answered('accepted'),
  credits_exhausted: answered('accepted'),
  credits_short: answered('accepted'),
  account_policy: answered('accepted'),
  budget_exhausted: answered('accepted'),
  in_flight_budget_held: answered('accepted'),
  model_throttled: answered('accepted'),
  caller_error: answered('unknown'),
  model_limited: answered('unknown'),
  timeout: doubt,
  truncated: doubt,
  client_abort: ({ silentMs = 0 }) => (silentMs >= SILENCE_MS ? doubt() : none()),
  unused: none,
};

/** What the outcome of a client's request tells. */
export function contactOfRequest(outcome: Outcome, asked: Asked): Contact {
  // The teller is of the outcome's own kind; TypeScript does not follow an index through a union.
  const tell = TELLERS[outcome.kind] as Teller<OutcomeKind>;
  return tell(outcome, asked);
}

/** What an answer to `GET /key`, behind which there is no provider, tells. */
export function contactOfCheck(finding: KeyCheckResult): Contact {
  if (finding.kind === 'facts') {
    return { kind: 'answered', key: 'accepted', status: 200, detail: '' };
  }
  const { outcome } = finding;
  switch (outcome.kind) {
    case 'edge_refused': {
      const trouble = outcome.status === 403 ? 'upstream_blocked' : 'upstream_failing';
      return { kind: 'trouble', trouble, ...said(outcome) };
    }
    case 'edge_failed':
    case 'provider_failed':
    case 'provider_limited':
    case 'model_limited':
    case 'caller_error':
      return { kind: 'trouble', trouble: 'upstream_failing', ...said(outcome) };
    case 'timeout':
    case 'truncated':
      return { kind: 'trouble', trouble: 'connection_failed', ...said(outcome) };
    default:
      return contactOfRequest(outcome, { model: null, isInference: true });
  }
}

function troubleOf(outcome: Extract<Outcome, { kind: 'connection_failed' }>): Contact {
  return { kind: 'trouble', trouble: connectionCause(outcome.problem), ...said(outcome) };
}
