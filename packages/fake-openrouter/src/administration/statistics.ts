import { routesFor } from '../routes/route.ts';

const DAY = '2026-10-01';
const META = { as_of: DAY, end_date: DAY, start_date: DAY, version: 'v1' };
const COSTS = { ...META, window_days: 7, window_end_date: DAY };
const BENCHMARKS = {
  ...{ as_of: DAY, citation: null, model_count: 0, source: null, source_url: null },
  ...{ task_type: null, version: 'v1' },
};

/** Figures that OpenRouter publishes, and those of one account. */
export const STATISTICS_ROUTES = [
  ...routesFor('key', {
    'GET /benchmarks': () => ({ json: { data: [], meta: BENCHMARKS } }),
    'GET /classifications/task': () => ({
      json: { data: { as_of: DAY, classifications: [], macro_categories: [], window_days: 30 } },
    }),
    'GET /datasets/app-rankings': () => ({ json: { data: [], meta: META } }),
    'GET /datasets/rankings-daily': () => ({ json: { data: [], meta: META } }),
    'GET /datasets/session-cost': () => ({ json: { data: [], meta: COSTS } }),
  }),
  ...routesFor('management', {
    'GET /activity': ({ key }) => ({
      json: {
        data: [
          {
            ...{ date: DAY, model: 'openai/gpt-4o', model_permaslug: 'openai/gpt-4o' },
            ...{ endpoint_id: 'endpoint', provider_name: 'Fake', usage: key.usage, requests: 1 },
            ...{ byok_usage_inference: 0, prompt_tokens: 1, completion_tokens: 1 },
            reasoning_tokens: 0,
          },
        ],
      },
    }),
    'GET /analytics/meta': () => ({
      json: { data: { dimensions: [], granularities: [], metrics: [], operators: [] } },
    }),
    'POST /analytics/query': () => ({
      json: {
        data: { data: [], metadata: { query_time_ms: 1, row_count: 0, truncated: false } },
      },
    }),
  }),
];
