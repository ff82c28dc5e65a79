import { freeUsedToday } from '../accounts/account.ts';
import { ERROR_FAMILIES } from '../errors/error-families.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { keyLabel, limitRemaining, type Key } from '../accounts/key.ts';
import { MODEL_LIST, MODELS } from '../models/model-catalog.ts';

/** What the routes that tell of things work with. */
export interface CatalogContext {
  now: number;
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
  if (exchange.query.get('use_rss') === 'true') {
    exchange.answer(200, FEED, { ...CACHED, 'Content-Type': 'application/rss+xml' });
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

const NUMBERS = { p50: 1, p75: 1, p90: 1, p99: 1 };

/** A provider that serves a model. */
const ENDPOINT = {
  ...{ name: 'Fake | model', provider_name: 'OpenAI', tag: 'fake', status: 0 },
  ...{ context_length: 131_072, max_completion_tokens: 32_768, max_prompt_tokens: null },
  ...{ latency_last_30m: NUMBERS, throughput_last_30m: NUMBERS, quantization: null },
  ...{ uptime_last_1d: 100, uptime_last_30m: 100, uptime_last_5m: 100 },
  pricing: { prompt: '0', completion: '0' },
  supported_parameters: ['temperature'],
  supports_implicit_caching: false,
  supports_tool_choice: { auto: true, function: true, none: true, required: true },
};

/** The list as a feed, for readers of news. */
const FEED = `<?xml version="1.0"?><rss version="2.0"><channel><title>Models</title>${MODELS.slice(
  0,
  5,
)
  .map(({ id }) => `<item><title>${id}</title></item>`)
  .join('')}</channel></rss>`;

const endpoints: Route = (exchange) => {
  const id = exchange.path.replace(/^\/models?\//, '').replace(/\/endpoints$/, '');
  const model = MODELS.find((entry) => entry.id === decodeURIComponent(id));
  if (model === undefined) exchange.answerError(ERROR_FAMILIES.not_found());
  else if (exchange.path.endsWith('/endpoints')) {
    exchange.answerJson(200, {
      data: { ...model, endpoints: [{ ...ENDPOINT, model_id: model.id, model_name: model.name }] },
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

/** Whether a path is only for keys that manage other keys, also where there is no such endpoint. */
export function needsManagementKey(path: string): boolean {
  return /^\/(keys|activity|guardrails|workspaces|byok|observability|scim|organization|vault|interns|analytics)(\/|$)/.test(
    path,
  );
}
