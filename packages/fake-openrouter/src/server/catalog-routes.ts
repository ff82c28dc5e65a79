import { freeUsedToday } from '../accounts/account.ts';
import type { Completion } from '../models/completion.ts';
import { ERROR_FAMILIES } from '../errors/error-families.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { keyLabel, limitRemaining, type Key } from '../accounts/key.ts';
import { MODEL_LIST, MODELS } from '../models/model-catalog.ts';

/** A generation that can be asked for, and how often it has been. */
export interface Generation {
  completion: Completion;
  streamed: boolean;
  asked: number;
}

/** What the routes that tell of things work with. */
export interface CatalogContext {
  now: number;
  generations: Map<string, Generation>;
}

type Route = (exchange: Exchange, context: CatalogContext, key: Key | undefined) => void;

function keyInfo(key: Key, now: number) {
  const { account, usage, spent } = key;
  const used = freeUsedToday(account, now);
  return {
    label: keyLabel(key),
    limit: key.limit,
    limit_remaining: limitRemaining(key, now),
    limit_reset: key.limitReset,
    include_byok_in_limit: false,
    usage,
    usage_daily: spent,
    usage_weekly: spent,
    usage_monthly: spent,
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
    is_free_tier: false,
    is_management_key: key.isManagement,
    is_provisioning_key: false,
    expires_at: null,
    free_model_daily_requests: {
      limit: account.freePerDay,
      remaining: Math.max(0, account.freePerDay - used),
      used,
    },
    allowed_data_regions: ['global'],
    creator_user_id: account.userId,
    organization_id: null,
    workspace_id: '00000000-0000-4000-8000-000000000000',
    rate_limit: {
      requests: -1,
      interval: '10s',
      note: 'This field is deprecated and safe to ignore.',
    },
  };
}

const CACHED = {
  'Content-Type': 'application/json',
  'Cache-Control': 'public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600',
};

const listModels: Route = (exchange) => {
  if (exchange.query.get('output_modalities') === 'bad') {
    const error = { name: 'ZodError', message: '[{"code":"invalid_value"}]' };
    exchange.answerJson(400, { success: false, error });
    return;
  }
  const limit = exchange.query.get('limit');
  if (limit !== null) {
    const data = MODELS.slice(0, Number(limit));
    exchange.answerJson(200, { data, total_count: MODELS.length, links: { next: null } }, CACHED);
    return;
  }
  const gzip = /\bgzip\b/.test(exchange.request.headers['accept-encoding'] ?? '');
  const encoding = gzip ? { 'Content-Encoding': 'gzip' } : undefined;
  exchange.writeHead(200, { ...CACHED, Vary: 'Host', ...encoding });
  exchange.response.end(gzip ? MODEL_LIST.gzipped : MODEL_LIST.plain);
};

const generation: Route = (exchange, { generations }) => {
  const id = exchange.query.get('id') ?? '';
  const found = generations.get(id);
  if (found !== undefined) found.asked += 1;
  if (found === undefined || found.asked === 1) {
    const error = { message: `Generation ${id} not found`, code: 404 };
    exchange.answerJson(404, { error });
    return;
  }
  const { completion, streamed } = found;
  const { model, provider, cost, promptTokens, completionTokens, reasoningTokens, created } =
    completion;
  exchange.answerJson(200, {
    data: {
      id,
      model,
      provider_name: provider,
      total_cost: cost,
      usage: cost,
      tokens_prompt: promptTokens,
      tokens_completion: completionTokens,
      native_tokens_prompt: promptTokens,
      native_tokens_completion: completionTokens,
      native_tokens_cached: 0,
      native_tokens_reasoning: reasoningTokens,
      finish_reason: 'stop',
      native_finish_reason: 'stop',
      streamed,
      cancelled: false,
      latency: 5,
      generation_time: 10,
      created_at: new Date(created * 1000).toISOString(),
      is_byok: false,
      upstream_id: null,
      request_id: null,
      api_type: 'completions',
    },
  });
};

const endpoints: Route = (exchange) => {
  const id = exchange.path.replace(/^\/models?\//, '').replace(/\/endpoints$/, '');
  const model = MODELS.find((entry) => entry.id === decodeURIComponent(id));
  if (model === undefined) exchange.answerError(ERROR_FAMILIES.not_found());
  else if (exchange.path.endsWith('/endpoints')) {
    exchange.answerJson(200, {
      data: { ...model, endpoints: [{ provider_name: 'Fake', status: 0 }] },
    });
  } else exchange.answerJson(200, { data: model });
};

/** Routes that answer anybody, whatever credential comes along. */
const PUBLIC: Readonly<Record<string, Route>> = {
  '/models': listModels,
  '/models/count': (exchange) => exchange.answerJson(200, { data: { count: MODELS.length } }),
  '/embeddings/models': listModels,
  '/endpoints/zdr': (exchange) => exchange.answerJson(200, { data: [] }),
  '/providers': (exchange) =>
    exchange.answerJson(200, {
      data: [
        {
          name: 'Fake',
          slug: 'fake',
          privacy_policy_url: null,
          terms_of_service_url: null,
          status_page_url: null,
          headquarters: null,
          datacenters: null,
        },
      ],
    }),
};

/** Routes that need a key. */
const KEYED: Readonly<Record<string, Route>> = {
  '/key': (exchange, { now }, key) => {
    if (key === undefined) return;
    exchange.answerJson(200, { data: keyInfo(key, now) }, { 'Cache-Control': 'private, no-store' });
  },
  '/credits': (exchange, _context, key) =>
    exchange.answerJson(200, {
      data: {
        total_credits: (key?.account.credits ?? 0) + (key?.usage ?? 0),
        total_usage: key?.usage ?? 0,
      },
    }),
  '/models/user': listModels,
  '/generation': generation,
};

/** The route that answers anybody at a path, if there is one. */
export function publicRoute(method: string, path: string): Route | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  if (path in PUBLIC) return PUBLIC[path];
  return /^\/models?\/[^/]+\/[^/]+(\/endpoints)?$/.test(path) ? endpoints : undefined;
}

/** The route for the owner of a key at a path, if there is one. */
export function keyedRoute(method: string, path: string): Route | undefined {
  if (method !== 'GET') return undefined;
  return KEYED[path.replace(/^\/auth\/key$/, '/key')];
}

/** Whether a path is only for keys that manage other keys. */
export function needsManagementKey(path: string): boolean {
  return /^\/(keys|activity|guardrails|workspaces|byok)(\/|$)/.test(path);
}
