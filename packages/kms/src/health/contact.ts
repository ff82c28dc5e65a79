import {
  connectionCause,
  type KeyCheckResult,
  type HealthCauseKind,
  type Outcome,
  type OutcomeKind,
} from '@openrouter-proxy/kms-protocol';

/** A failure between this machine and OpenRouter. */
export type TroubleKind = Extract<
  HealthCauseKind,
  | 'dns_failed'
  | 'certificate_untrusted'
  | 'certificate_dates'
  | 'connection_failed'
  | 'upstream_failing'
  | 'upstream_blocked'
>;

/** The answer of the other side. */
interface Said {
  /** Null without an answer. */
  readonly status: number | null;
  readonly detail: string;
}

/** A client that leaves after a silence of this length may have left because of it. */
const SILENCE_MS = 2_000;

/** The evidence from one contact with OpenRouter. */
export type Contact =
  /** OpenRouter answered; `key` is its verdict on the key, if the answer has one. */
  | ({ readonly kind: 'answered'; readonly key: 'accepted' | 'refused' | 'unknown' } & Said)
  /** OpenRouter did not answer, or answered wrongly. */
  | ({ readonly kind: 'trouble'; readonly trouble: TroubleKind } & Said)
  /** Either OpenRouter or the provider behind it failed: `GET /key` finds out. */
  | { readonly kind: 'doubt' }
  /** Nothing was sent, or the client left. */
  | { readonly kind: 'none' };

const said = (outcome: Extract<Outcome, { detail: string }>): Said => ({
  status: 'status' in outcome ? outcome.status : null,
  detail: outcome.detail,
});

/** The use of a request. */
export interface Asked {
  /** Null: the request needs no valid key. */
  readonly model: string | null;
  /** True for a request to a model, false for any other endpoint. */
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
/** Without a provider's name, OpenRouter itself may have failed. */
const providersFault = (
  outcome: Extract<Outcome, { kind: 'provider_failed' | 'provider_limited' }>,
): Contact => (outcome.provider === undefined ? doubt() : answered('unknown')(outcome));

/** The evidence from each kind of outcome. */
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

/** The evidence from a client's request. */
export function contactOfRequest(outcome: Outcome, asked: Asked): Contact {
  // The teller is of the outcome's own kind; TypeScript does not follow an index through a union.
  const tell = TELLERS[outcome.kind] as Teller<OutcomeKind>;
  return tell(outcome, asked);
}

/** The evidence from `GET /key`, which involves no provider. */
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
