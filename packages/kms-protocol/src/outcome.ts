import * as z from 'zod';

/**
 * One thing the upstream said about a limit, as it stood on the wire: when it ends, or how large it
 * is. The gateway passes on what it read; what it means, in which unit and how far it is to be
 * believed, is the KMS's to say.
 */
export const evidence = z.strictObject({
  field: z.enum([
    'x-ratelimit-reset',
    'x-ratelimit-limit',
    'retry-after',
    'retry_after_seconds',
    'resets_at',
  ]),
  /** Where the field stood: a header of the response, or its JSON body. */
  from: z.enum(['header', 'body']),
  value: z.string().max(64),
});
export type Evidence = z.infer<typeof evidence>;

const refusal = {
  /** Of the response, or the code of an error within a 200. */
  status: z.int().min(100).max(599),
  evidence: z.array(evidence).max(8),
  /** The upstream's own words, shortened and free of secrets: shown to operators. */
  detail: z.string().max(300),
  /** The provider behind OpenRouter that the refusal names. */
  provider: z.string().max(100).optional(),
};

/** What keeps a connection from being made: name resolution, a certificate's issuer or its dates. */
export const connectionProblem = z.enum(['dns', 'certificate', 'certificate_dates']);
export type ConnectionProblem = z.infer<typeof connectionProblem>;

/**
 * What came of one upstream attempt: the closed set of things the gateway can see happen.
 * Families and recognition: OpenRouter docs "Limits" and "Errors and debugging".
 */
export const outcome = z.discriminatedUnion('kind', [
  /** A complete answer, or a stream that ended as it should. */
  z.strictObject({ kind: z.literal('success'), status: z.int() }),
  /** 429 of OpenRouter itself that names neither a model nor a provider. */
  z.strictObject({ kind: z.literal('rate_limited'), ...refusal }),
  /** 429: the account's allowance of `:free` requests is used up, for the minute or the UTC day. */
  z.strictObject({
    kind: z.literal('free_tier_exhausted'),
    window: z.enum(['minute', 'day']),
    ...refusal,
  }),
  /** 402 or 403: the key's own spending cap is reached. */
  z.strictObject({ kind: z.literal('key_limit_reached'), ...refusal }),
  /** 402: the account's credits cannot pay. */
  z.strictObject({ kind: z.literal('credits_exhausted'), ...refusal }),
  /** 402: the account's credits cannot pay for this request, but could for a smaller one. */
  z.strictObject({ kind: z.literal('credits_short'), ...refusal }),
  /** 403: the budget of a workspace or a guardrail is spent. */
  z.strictObject({ kind: z.literal('budget_exhausted'), ...refusal }),
  /** 402 that passes by itself: credits are held by requests in flight. */
  z.strictObject({ kind: z.literal('in_flight_budget_held'), ...refusal }),
  /**
   * 400, 403 or 404: the account's settings (allowed providers, data policy, guardrails, presets) shut
   * the model out. Another account may serve.
   */
  z.strictObject({
    kind: z.literal('account_policy'),
    /** The request narrows the choice of providers itself: the refusal may be its own doing. */
    isNarrowed: z.boolean().optional(),
    ...refusal,
  }),
  /** 401: the key was not accepted. */
  z.strictObject({ kind: z.literal('unauthorized'), ...refusal }),
  /** 429 of OpenRouter itself that throttles one model (`limit_rpm/<model>/…`). */
  z.strictObject({ kind: z.literal('model_throttled'), ...refusal }),
  /** All providers of the model are full. */
  z.strictObject({ kind: z.literal('model_limited'), ...refusal }),
  /** 429, 503 or 529: the provider behind OpenRouter is overloaded. */
  z.strictObject({ kind: z.literal('provider_limited'), ...refusal }),
  /** 5xx or an error inside a 200: the provider or OpenRouter failed. */
  z.strictObject({ kind: z.literal('provider_failed'), ...refusal }),
  /** 429 that is not OpenRouter's JSON: the edge in front of it limits this address. */
  z.strictObject({ kind: z.literal('edge_blocked'), ...refusal }),
  /** 4xx that is not OpenRouter's JSON: the edge, or a firewall, refuses this request's content. */
  z.strictObject({ kind: z.literal('edge_refused'), ...refusal }),
  /** 5xx, or a 429 without a body, that is not OpenRouter's JSON: it says nothing about a model or a key. */
  z.strictObject({ kind: z.literal('edge_failed'), ...refusal }),
  /** 4xx: the request itself is at fault (parameters, moderation, size, unknown model). */
  z.strictObject({ kind: z.literal('caller_error'), ...refusal }),
  /** No connection, or it broke before the response began. */
  z.strictObject({
    kind: z.literal('connection_failed'),
    detail: z.string().max(300),
    /** What failed, where that is known. */
    problem: connectionProblem.optional(),
  }),
  /** The upstream stayed silent for longer than it may. */
  z.strictObject({ kind: z.literal('timeout'), detail: z.string().max(300) }),
  /** The response began and did not end as it should. */
  z.strictObject({ kind: z.literal('truncated'), detail: z.string().max(300) }),
  /** The client went away. */
  z.strictObject({
    kind: z.literal('client_abort'),
    /** How long OpenRouter had said nothing, in milliseconds; left out: it had begun to answer. */
    silentMs: z.int().nonnegative().optional(),
  }),
  /** The lease was not used: nothing was sent upstream. */
  z.strictObject({ kind: z.literal('unused') }),
]);
export type Outcome = z.infer<typeof outcome>;

/** The names of the outcomes. */
export type OutcomeKind = Outcome['kind'];
