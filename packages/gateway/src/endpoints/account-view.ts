/** A client's use of this gateway. Amounts are credits (US dollars). */
export interface ClientUsage {
  total: number;
  /** In this UTC day, the week from Monday, and the calendar month. */
  today: number;
  week: number;
  month: number;
}

/** A client as it may see itself. */
export interface ClientView {
  /** The client's name. */
  label: string;
  usage: ClientUsage;
  /** Its own limit; null: none. */
  limit: { amount: number; remaining: number; reset: 'daily' | 'weekly' | 'monthly' | null } | null;
  /** Free requests of today, one entry for each account whose figures are known. */
  freeRequests: readonly { limit: number; used: number }[];
  /** Whether every account is on OpenRouter's free tier. */
  isFreeTier: boolean;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Credits as OpenRouter shows them: finite, never negative, without the noise of floating point. */
const credits = (value: number) =>
  Number.isFinite(value) ? Math.max(0, Math.round(value * 1e9) / 1e9) : 0;

function freeModelDailyRequests({ freeRequests }: ClientView) {
  const limit = sum(freeRequests.map((account) => account.limit));
  const used = sum(freeRequests.map((account) => account.used));
  const remaining = sum(freeRequests.map((account) => Math.max(0, account.limit - account.used)));
  return { limit, remaining, used };
}

/** The answer of `GET /key` about the client itself, in OpenRouter's shape. It names no account. */
export function keyDocument(view: ClientView): { data: Readonly<Record<string, unknown>> } {
  const { label, usage, limit, isFreeTier } = view;
  return {
    data: {
      label,
      limit: limit === null ? null : credits(limit.amount),
      limit_remaining: limit === null ? null : credits(limit.remaining),
      limit_reset: limit?.reset ?? null,
      include_byok_in_limit: false,
      usage: credits(usage.total),
      usage_daily: credits(usage.today),
      usage_weekly: credits(usage.week),
      usage_monthly: credits(usage.month),
      byok_usage: 0,
      byok_usage_daily: 0,
      byok_usage_weekly: 0,
      byok_usage_monthly: 0,
      is_free_tier: isFreeTier,
      is_management_key: false,
      is_provisioning_key: false,
      expires_at: null,
      free_model_daily_requests: freeModelDailyRequests(view),
      allowed_data_regions: ['global'],
      creator_user_id: null,
      organization_id: null,
      workspace_id: null,
      rate_limit: {
        requests: -1,
        interval: '10s',
        note: 'This field is deprecated and safe to ignore.',
      },
    },
  };
}

/**
 * The answer of `GET /credits` about the client itself. OpenRouter has no word for "no limit" here: a client
 * without one sees what the pool has left as its own, or, if that is unknown, nothing left.
 */
export function creditsDocument(
  { usage, limit }: Pick<ClientView, 'usage' | 'limit'>,
  poolCredits: number | null,
): { data: { total_credits: number; total_usage: number } } {
  const used = credits(usage.total);
  const left = credits(limit?.remaining ?? poolCredits ?? 0);
  return { data: { total_credits: credits(used + left), total_usage: used } };
}
