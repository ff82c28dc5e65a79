import { badRequest } from '../objects/objects.ts';
import { publicRoutes, routesFor, type KeyedCall, type Reply } from '../routes/route.ts';
import { bill, refusedMedia } from './media-cost.ts';

/** A picture of one pixel. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const TOKENS = 1290;

function generate(call: KeyedCall): Reply {
  const { exchange, now } = call;
  if (typeof exchange.json['prompt'] !== 'string') return badRequest('prompt: Required');
  const refused = refusedMedia(call);
  if (refused !== undefined) return { error: refused };
  const billed = bill(call, { cost: 0.04, sent: 10, received: TOKENS, type: 'image' });
  const created = Math.floor(now / 1000);
  const picture = { b64_json: PICTURE, media_type: 'image/png' };
  const usage = {
    ...{ prompt_tokens: 10, completion_tokens: TOKENS, total_tokens: 10 + TOKENS },
    ...{ cost: billed.cost, is_byok: false },
    completion_tokens_details: { image_tokens: TOKENS, reasoning_tokens: 0 },
  };
  const headers = { 'X-Generation-Id': billed.id };
  if (exchange.json['stream'] !== true)
    return { json: { created, data: [picture], usage }, headers };
  const partial = { type: 'image_generation.partial_image', partial_image_index: 0 };
  const last = { type: 'image_generation.completed', created, usage };
  return {
    events: [
      { ...partial, b64_json: PICTURE },
      { ...picture, ...last },
    ],
    headers,
  };
}

const MODEL = {
  id: 'google/image-fake',
  name: 'Image Fake',
  description: 'A model that draws one pixel.',
  created: 1_780_000_000,
  architecture: { input_modalities: ['text'], output_modalities: ['image'] },
  endpoints: '/api/v1/images/models/google/image-fake/endpoints',
  supported_parameters: {},
  supports_streaming: true,
};

const ENDPOINT = {
  allowed_passthrough_parameters: [],
  pricing: [],
  provider_name: 'Fake',
  provider_slug: 'fake',
  provider_tag: null,
  supported_parameters: {},
  supports_streaming: true,
};

export const IMAGE_ROUTES = [
  ...routesFor('key', { 'POST /images': generate }),
  ...publicRoutes({
    'GET /images/models': () => ({ json: { data: [MODEL] } }),
    'GET /images/models/{author}/{slug}/endpoints': () => ({
      json: { id: MODEL.id, endpoints: [ENDPOINT] },
    }),
  }),
];
