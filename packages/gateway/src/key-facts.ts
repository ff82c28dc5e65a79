import type { KeyFacts } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';

/** Nothing that OpenRouter adds or leaves out may make the reading of the rest fail. */
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
    organization_id: lenient(z.string()),
    creator_user_id: lenient(z.string()),
    workspace_id: lenient(z.string()),
  }),
});

/**
 * What an answer to `GET /key` tells of a key and its account; undefined if it is none. The quota's
 * owner is the organization, or else the user, in a workspace (OpenRouter docs, "Limits").
 */
export function readKeyFacts(body: string): KeyFacts | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const parsed = answer.safeParse(json);
  if (!parsed.success) return undefined;
  const { data } = parsed.data;
  const owner = data.organization_id ?? data.creator_user_id;
  const free = data.free_model_daily_requests;
  return {
    kind: 'facts',
    owner: owner === null ? null : `${owner}/${data.workspace_id ?? ''}`.slice(0, 300),
    limitRemaining: data.limit_remaining,
    limitReset: data.limit_reset,
    expiresAt: data.expires_at === null ? null : Date.parse(data.expires_at),
    freeRequests: free === null ? null : { limit: free.limit, used: free.used },
    usageDaily: data.usage_daily,
  };
}
