import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { badRequest, newId, notFound } from '../objects/objects.ts';
import { charge } from '../accounts/key.ts';
import { listDocument, pageOf } from '../objects/stored-file.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';
import type { FakeState } from '../state/fake-state.ts';
import type { Batch, JobEnd } from '../objects/job.ts';

const COST = 0.25;
const DAY_SECONDS = 86_400;
const RESULT = '{"custom_id":"one","response":{"status_code":200,"body":{}},"error":null}\n';

const seconds = (ms: number) => Math.floor(ms / 1000);

function documentOf(batch: Batch, { state }: KeyedCall): object {
  const { id, status, inputFileId, outputFileId, endpoint, createdAt, endedAt } = batch;
  const isDone = status === 'completed';
  return {
    ...{ id, object: 'batch', endpoint, input_file_id: inputFileId, completion_window: '24h' },
    ...{ status, output_file_id: outputFileId, error_file_id: null, errors: null, metadata: null },
    ...{ created_at: seconds(createdAt), expires_at: seconds(createdAt) + DAY_SECONDS },
    ...{ completed_at: isDone && endedAt !== null ? seconds(endedAt) : null },
    request_counts: { total: 1, completed: isDone ? 1 : 0, failed: status === 'failed' ? 1 : 0 },
    ...(isDone ? { results_url: `${state.namedOrigin}/api/v1/batches/${id}/results` } : {}),
    ...(isDone ? { usage: { cost: COST, is_byok: false } } : {}),
  };
}

/** Ends a batch: a completed one is charged to its key, and has a file of results. */
export function endBatch(state: FakeState, batch: Batch, status: JobEnd): void {
  if (batch.status !== 'validating' && batch.status !== 'in_progress') return;
  const now = state.clock.now();
  batch.status = status;
  batch.endedAt = now;
  if (status !== 'completed') return;
  charge(batch.key, COST, now);
  const id = newId('file');
  const place = path.join(state.folder(), newId('upload'));
  writeFileSync(place, RESULT);
  state.files.add(id, batch.key.account, {
    ...{ id, name: `${batch.id}.jsonl`, type: 'application/x-ndjson', purpose: 'batch_output' },
    ...{ bytes: { path: place, start: 0, end: RESULT.length }, sha256: '', createdAt: now },
  });
  batch.outputFileId = id;
}

function submit(call: KeyedCall): Reply {
  const { exchange, state, key, now } = call;
  const input = exchange.json['input_file_id'];
  if (typeof input !== 'string') return badRequest('input_file_id: Required');
  if (state.files.get(input, key.account) === undefined) return notFound(`File ${input}`);
  const id = newId('batch');
  const endpoint = exchange.json['endpoint'];
  const batch: Batch = {
    ...{ id, key, status: 'validating', inputFileId: input, outputFileId: null, polls: 0 },
    endpoint: typeof endpoint === 'string' ? endpoint : '/v1/chat/completions',
    ...{ createdAt: now, endedAt: null },
  };
  state.batches.add(id, key.account, batch);
  state.creations.add('batch', id, call);
  return { json: documentOf(batch, call) };
}

function list(call: KeyedCall): Reply {
  const { exchange, state, key } = call;
  const page = pageOf(state.batches.of(key.account), { query: exchange.query, defaultLimit: 20 });
  const documents = page.page.map((batch) => documentOf(batch, call));
  return { json: listDocument(page, documents, 'openai') };
}

const theBatch = ({ state, key, parameters }: KeyedCall) =>
  state.batches.get(parameters['id'], key.account);
const missing = ({ parameters }: KeyedCall) => notFound(`Batch ${parameters['id']}`);

function poll(call: KeyedCall): Reply {
  const batch = theBatch(call);
  if (batch === undefined) return missing(call);
  batch.polls += 1;
  if (batch.polls >= call.state.pollsUntilDone) endBatch(call.state, batch, 'completed');
  else if (batch.status === 'validating') batch.status = 'in_progress';
  return { json: documentOf(batch, call) };
}

function results(call: KeyedCall): Reply {
  return theBatch(call)?.status === 'completed'
    ? { bytes: Buffer.from(RESULT), type: 'application/x-ndjson' }
    : missing(call);
}

function cancel(call: KeyedCall): Reply {
  const batch = theBatch(call);
  if (batch === undefined) return missing(call);
  endBatch(call.state, batch, 'cancelled');
  return { json: documentOf(batch, call) };
}

function remove(call: KeyedCall): Reply {
  const batch = theBatch(call);
  if (batch === undefined) return missing(call);
  call.state.batches.delete(batch.id);
  return { json: { id: batch.id, object: 'batch', deleted: true } };
}

const ROUTES = {
  'POST /batches': submit,
  'GET /batches': list,
  'GET /batches/{id}': poll,
  'GET /batches/{id}/results': results,
  'POST /batches/{id}/cancel': cancel,
  'DELETE /batches/{id}': remove,
};

export const BATCH_ROUTES = routesFor('key', ROUTES);
