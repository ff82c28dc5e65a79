import { parseJson, type KeyMetadata } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';

/** Unknown, missing and malformed members do not make the rest unreadable. */
const lenient = <T extends z.ZodType>(schema: T) => schema.nullable().catch(null);

const count = z.int().nonnegative();

const answer = z.object({
  data: z.looseObject({
    limit: lenient(z.number()),
    limit_remaining: lenient(z.number()),
    limit_reset: lenient(z.enum(['daily', 'weekly', 'monthly'])),
    usage_daily: lenient(z.number()),
    expires_at: lenient(z.iso.datetime({ offset: true })),
    free_model_daily_requests: lenient(z.looseObject({ limit: count, used: count })),
    is_management_key: lenient(z.boolean()),
    is_provisioning_key: lenient(z.boolean()),
    organization_id: lenient(z.string()),
    creator_user_id: lenient(z.string()),
    workspace_id: lenient(z.string()),
  }),
});

/** When a key ends; null: never. The year 1, the zero time of some languages, and other dates before 1970 are no end. */
function expiry(date: string | null): number | null {
  const at = date === null ? NaN : Date.parse(date);
  return at > 0 ? at : null;
}

/**
 * The metadata of a key and its account in an answer to `GET /key`; undefined if it has none. The quota's
 * owner is the organization, or else the user, in a workspace (OpenRouter docs, "Limits").
 */
export function readKeyMetadata(body: string): KeyMetadata | undefined {
  const parsed = answer.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  const { data } = parsed.data;
  const owner = data.organization_id ?? data.creator_user_id;
  const free = data.free_model_daily_requests;
  return {
    kind: 'facts',
    owner: owner === null ? null : `${owner}/${data.workspace_id ?? ''}`.slice(0, 300),
    limitRemaining: data.limit_remaining,
    limitReset: data.limit_reset,
    expiresAt: expiry(data.expires_at),
    freeRequests: free === null ? null : { limit: free.limit, used: free.used },
    usageDaily: data.usage_daily,
    isManagement: data.is_management_key === true || data.is_provisioning_key === true,
  };
}

const credits = z.object({
  data: z.object({ total_credits: z.number(), total_usage: z.number() }),
});

/** An account's remaining credits in an answer to `GET /credits`; undefined if it has none. */
export function readCreditsLeft(body: string): number | undefined {
  const { data } = credits.safeParse(parseJson(body));
  return data && data.data.total_credits - data.data.total_usage;
}
