import { answer, type ErrorContext } from './error-answer.ts';

/** Refusals of one request: by the account's settings, or because its credits cannot pay for it. */
export const ACCOUNT_REFUSALS = {
  /** The account's settings leave no provider, or no model, for the request. */
  no_allowed_providers: ({ key }: ErrorContext) =>
    answer(
      { message: 'No allowed providers are available for the selected model.', code: 404 },
      { userId: key?.account.userId },
    ),
  data_policy: ({ key }: ErrorContext) =>
    answer(
      {
        message:
          'No endpoints found matching your data policy (Free model training). Configure: https://openrouter.ai/settings/privacy',
        code: 404,
        metadata: {
          routing_funnel: [
            { step: 'all', endpoint_count: 2 },
            { step: 'data_policy', endpoint_count: 0 },
          ],
          failed_routing_step: 'data_policy',
        },
      },
      { userId: key?.account.userId },
    ),
  privacy_restricted: ({ model }: ErrorContext) =>
    answer({
      message: `${model} is not available under the privacy settings of this account`,
      code: 404,
      availability: { code: 'privacy_restricted' },
    }),
  guardrail_models: ({ key }: ErrorContext) =>
    answer(
      {
        message: 'No endpoints found matching your guardrail restrictions and data policy.',
        code: 404,
      },
      { userId: key?.account.userId },
    ),
  guardrail_blocked: ({ key }: ErrorContext) =>
    answer(
      { message: 'Request blocked by a guardrail of this workspace', code: 403 },
      { userId: key?.account.userId },
    ),
  preset_not_found: ({ model }: ErrorContext) =>
    answer({ message: `Preset not found: ${model}`, code: 404 }),
  no_endpoints: ({ model }: ErrorContext) =>
    answer({ message: `No endpoints found for ${model}.`, code: 404 }),
  cannot_afford: ({ key }: ErrorContext) =>
    answer(
      {
        message:
          'This request requires more credits, or fewer max_tokens. You requested up to 64000 tokens, but can only afford 12345. To increase, visit https://openrouter.ai/settings/credits and add more credits',
        code: 402,
        metadata: { limit_source: 'openrouter_credits' },
      },
      { userId: key?.account.userId },
    ),
};
