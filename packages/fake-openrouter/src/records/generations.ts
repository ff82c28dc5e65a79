import type { Generation } from '../objects/kept.ts';
import { badRequest, notFound } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';

/** Fields that say nothing of these generations. */
const NOTHING_MORE = {
  ...{ app_id: null, cache_discount: null, external_user: null, http_referer: null },
  ...{ moderation_latency: null, native_tokens_completion_images: null, num_fetches: null },
  ...{ num_input_audio_prompt: null, num_media_completion: null, num_media_prompt: null },
  ...{ num_search_results: null, preset_id: null, provider_responses: null, router: null },
  ...{ service_tier: null, upstream_id: null, upstream_inference_cost: null, user_agent: null },
  ...{ web_search_engine: null, workspace_id: null, request_id: null },
};

function documentOf(generation: Generation): object {
  const { id, model, provider, cost, promptTokens, completionTokens, created } = generation;
  return {
    ...{ ...NOTHING_MORE, id, model, provider_name: provider, total_cost: cost, usage: cost },
    ...{ tokens_prompt: promptTokens, tokens_completion: completionTokens },
    ...{ native_tokens_prompt: promptTokens, native_tokens_completion: completionTokens },
    ...{ native_tokens_cached: 0, native_tokens_reasoning: generation.reasoningTokens },
    ...{ finish_reason: 'stop', native_finish_reason: 'stop', streamed: generation.streamed },
    ...{ cancelled: false, latency: 5, generation_time: 10, is_byok: false, origin: '' },
    ...{ created_at: new Date(created * 1000).toISOString(), data_region: 'global' },
    api_type: generation.type,
  };
}

/** The generation that is asked for; OpenRouter knows it a moment after it was made. */
function theGeneration({ exchange, state, key }: KeyedCall): Generation | undefined {
  const found = state.generations.get(exchange.query.get('id') ?? '');
  if (found?.account !== key.account) return undefined;
  found.asked += 1;
  return found.asked === 1 ? undefined : found;
}

const missing = ({ exchange }: KeyedCall) =>
  notFound(`Generation ${exchange.query.get('id') ?? ''}`);

function content(call: KeyedCall): Reply {
  const found = theGeneration(call);
  if (found === undefined) return missing(call);
  const output = { completion: found.answer, reasoning: null };
  return { json: { data: { error: null, input: { prompt: found.prompt }, output } } };
}

export const GENERATION_ROUTES = [
  ...routesFor('key', {
    'GET /generation': (call): Reply => {
      const found = theGeneration(call);
      return found === undefined ? missing(call) : { json: { data: documentOf(found) } };
    },
    'GET /generation/content': content,
  }),
  ...routesFor('management', {
    'POST /generation/feedback': ({ exchange }) =>
      typeof exchange.json['generation_id'] === 'string'
        ? { json: { data: { success: true } } }
        : badRequest('generation_id: Required'),
  }),
];
