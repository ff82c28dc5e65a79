import { rm } from 'node:fs/promises';
import { answer } from '../errors/error-answer.ts';
import { badRequest, newId, notFound } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';
import {
  deletedDocument,
  fileDocument,
  listDocument,
  pageOf,
  shapeOf,
} from '../objects/stored-file.ts';

const MAX_FILE = 100 * 1024 * 1024;

function upload(call: KeyedCall): Reply {
  const { exchange, state, key, now } = call;
  const { file, fields } = exchange.upload ?? { file: null, fields: {} };
  if (file === null) return badRequest('file: Required');
  if (file.size === 0) return badRequest('The file is empty');
  if (file.size > MAX_FILE) {
    return { error: answer({ message: 'Request payload too large', code: 413 }) };
  }
  const id = newId('file');
  const stored = {
    ...{ id, name: file.name, type: file.type, purpose: fields['purpose'] ?? 'user_data' },
    ...{ bytes: { path: file.path, start: 0, end: file.size }, sha256: file.sha256 },
    createdAt: now,
  };
  state.files.add(id, key.account, stored);
  state.creations.add('file', id, call);
  return { json: fileDocument(stored, shapeOf(exchange.query.get('provider'))) };
}

function list({ exchange, state, key }: KeyedCall): Reply {
  const shape = shapeOf(exchange.query.get('provider'));
  const files = state.files.of(key.account);
  const page = pageOf(files, { query: exchange.query, defaultLimit: 20 });
  const documents = page.page.map((file) => fileDocument(file, shape));
  return { json: listDocument(page, documents, shape) };
}

const theFile = ({ state, key, parameters }: KeyedCall) =>
  state.files.get(parameters['file_id'], key.account);

function retrieve(call: KeyedCall): Reply {
  const file = theFile(call);
  if (file === undefined) return notFound(`File ${call.parameters['file_id']}`);
  return { json: fileDocument(file, shapeOf(call.exchange.query.get('provider'))) };
}

function content(call: KeyedCall): Reply {
  const file = theFile(call);
  if (file === undefined) return notFound(`File ${call.parameters['file_id']}`);
  return { bytes: file.bytes, type: 'application/octet-stream' };
}

async function remove(call: KeyedCall): Promise<Reply> {
  const file = theFile(call);
  if (file === undefined) return notFound(`File ${call.parameters['file_id']}`);
  call.state.files.delete(file.id);
  await rm(file.bytes.path, { force: true });
  return { json: deletedDocument(file.id, shapeOf(call.exchange.query.get('provider'))) };
}

export const FILE_ROUTES = routesFor('key', {
  'POST /files': upload,
  'GET /files': list,
  'GET /files/{file_id}': retrieve,
  'GET /files/{file_id}/content': content,
  'DELETE /files/{file_id}': remove,
});
