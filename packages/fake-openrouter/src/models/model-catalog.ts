import { gzipSync } from 'node:zlib';

/** A model as `GET /models` lists it, as far as the fake itself reads it. */
export interface Model {
  id: string;
  name: string;
  pricing: Readonly<Record<string, string>> & { prompt: string; completion: string };
}

const AUTHORS = [
  'openai',
  'anthropic',
  'google',
  'meta-llama',
  'mistralai',
  'qwen',
  'deepseek',
  'x-ai',
  'cohere',
  'nvidia',
  'microsoft',
  'z-ai',
  'moonshotai',
  'liquid',
];
const FAMILIES = ['chat', 'mini', 'pro', 'coder', 'vision', 'thinking'];
const SIZES = ['8b', '32b', '70b', '120b', '405b'];
const DESCRIPTION =
  'A generated entry of a fake model list: its text is as long as a real one tends to be, so that the whole list has a realistic size when it travels. '.repeat(
    4,
  );

/** Fields every entry has, and which say nothing of these models. */
const NOTHING_MORE = {
  per_request_limits: null,
  default_parameters: {},
  supported_voices: null,
  knowledge_cutoff: null,
  expiration_date: null,
};

function model(id: string, prompt: string, completion: string): Model & Record<string, unknown> {
  const isVision = id.includes('vision');
  return {
    id,
    canonical_slug: id.replace(/^~/, '').replace(/:.*/, ''),
    hugging_face_id: null,
    name: id,
    created: 1_780_000_000,
    description: DESCRIPTION,
    context_length: 131_072,
    architecture: {
      modality: isVision ? 'text+image->text' : 'text->text',
      input_modalities: isVision ? ['text', 'image'] : ['text'],
      output_modalities: ['text'],
      tokenizer: 'Other',
      instruct_type: null,
    },
    pricing: {
      prompt,
      completion,
      request: '0',
      image: '0',
      web_search: '0',
      internal_reasoning: '0',
    },
    top_provider: { context_length: 131_072, max_completion_tokens: 32_768, is_moderated: false },
    ...NOTHING_MORE,
    supported_parameters: [
      'max_tokens',
      'temperature',
      'tools',
      'tool_choice',
      'reasoning',
      'stop',
    ],
    links: { details: `/api/v1/models/${id.replace(/^~/, '')}/endpoints` },
  };
}

function generate() {
  const models = [
    model('openrouter/auto', '-1', '-1'),
    model('openrouter/free', '0', '0'),
    model('openai/gpt-4o', '0.0000025', '0.00001'),
    model('openai/gpt-4o-mini', '0.00000015', '0.0000006'),
    model('anthropic/claude-sonnet-4.5', '0.000003', '0.000015'),
    model('~anthropic/claude-sonnet-latest', '0.000003', '0.000015'),
    model('deepseek/deepseek-r1:free', '0', '0'),
    model('openrouter/stealth-preview', '0', '0'),
  ];
  for (const [a, author] of AUTHORS.entries()) {
    for (const [f, family] of FAMILIES.entries()) {
      for (const [s, size] of SIZES.entries()) {
        const price = (a + 1) * (f + 1) * (s + 1);
        const id = `${author}/${family}-${size}`;
        models.push(model(id, `0.00000${price}`, `0.0000${price}`));
        if ((a + f + s) % 20 === 0) models.push(model(`${id}:free`, '0', '0'));
      }
    }
  }
  return models;
}

/** Every model, the same at each start. */
export const MODELS: readonly (Model & Record<string, unknown>)[] = generate();

const byId = new Map(MODELS.map((entry) => [entry.id, entry]));

/** The model of an id, or undefined. Suffixes of routing (`:nitro`, `:online`, …) do not change the model. */
export function findModel(id: string): Model | undefined {
  return (
    byId.get(id) ?? byId.get(id.replace(/:(nitro|floor|exacto|online|thinking|extended)$/, ''))
  );
}

/** The answer of `GET /models`, made once. */
export const MODEL_LIST = (() => {
  const plain = Buffer.from(
    JSON.stringify({ data: MODELS, total_count: MODELS.length, links: { next: null } }),
  );
  return { plain, gzipped: gzipSync(plain) };
})();

/** Whether requests for a model count against the free limits. */
export function isFree(id: string): boolean {
  return id.endsWith(':free') || id === 'openrouter/free';
}
