import { isObject } from '../models/prompt.ts';
import { badRequest } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';
import { bill, refusedMedia } from './media-cost.ts';

function rerank(call: KeyedCall): Reply {
  const { json, record } = call.exchange;
  const documents = json['documents'];
  if (!Array.isArray(documents)) return badRequest('documents: Required');
  const refused = refusedMedia(call);
  if (refused !== undefined) return { error: refused };
  const { id, cost } = bill(call, { cost: 0.002, sent: 20, received: 0, type: 'rerank' });
  const results = documents.map((document: unknown, index) => ({
    document: typeof document === 'string' ? { text: document } : document,
    index,
    relevance_score: 1 / (index + 1),
  }));
  const usage = { cost, search_units: 1, total_tokens: 20 };
  return {
    json: { id, model: record.model, provider: 'Fake', results, usage },
    headers: { 'X-Generation-Id': id },
  };
}

function decide(call: KeyedCall): Reply {
  const { json, record } = call.exchange;
  const questions = json['questions'];
  if (!isObject(questions)) return badRequest('questions: Required');
  const refused = refusedMedia(call);
  if (refused !== undefined) return { error: refused };
  const { id, cost } = bill(call, { cost: 0.001, sent: 30, received: 2, type: 'decisions' });
  const answers = Object.keys(questions).map((name) => [name, { type: 'score', score: 0.5 }]);
  return {
    json: {
      ...{ id, model: record.model, provider: 'Fake' },
      ...{ answers: Object.fromEntries(answers) as object },
      usage: { cost, input_tokens: 30, output_tokens: 2 },
    },
    headers: { 'X-Generation-Id': id },
  };
}

export const RANKING_ROUTES = routesFor('key', {
  'POST /rerank': rerank,
  'POST /systemone': decide,
});
