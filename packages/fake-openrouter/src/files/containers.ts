import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Account } from '../accounts/account.ts';
import type { FakeState } from '../state/fake-state.ts';
import { newId, notFound } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';
import { fileDocument, listDocument, pageOf, type ContainerFile } from '../objects/stored-file.ts';

/** Puts a file into a container of an account, as a tool would. */
export function addContainerFile(
  state: FakeState,
  account: Account,
  { containerId, name, content }: { containerId: string; name: string; content: string },
): string {
  const id = newId('cfile');
  const createdAt = state.clock.now();
  state.containerFiles.add(id, account, {
    ...{ id, containerId, name, content: Buffer.from(content), createdAt },
  });
  return id;
}

const documentOf = ({ id, containerId, name, content, createdAt }: ContainerFile) => ({
  ...{ id, object: 'container.file', container_id: containerId, path: `/mnt/data/${name}` },
  ...{ bytes: content.length, created_at: Math.floor(createdAt / 1000), source: 'assistant' },
});

function theFile({ state, key, parameters }: KeyedCall): ContainerFile | undefined {
  const file = state.containerFiles.get(parameters['file_id'], key.account);
  return file?.containerId === parameters['container_id'] ? file : undefined;
}

function list({ exchange, state, key, parameters }: KeyedCall): Reply {
  const container = parameters['container_id'];
  const files = state.containerFiles.of(key.account).filter((f) => f.containerId === container);
  if (files.length === 0) return notFound(`Container ${container}`);
  const page = pageOf(files, { query: exchange.query, defaultLimit: 20 });
  return { json: listDocument(page, page.page.map(documentOf), 'openai') };
}

const missing = ({ parameters }: KeyedCall) => notFound(`File ${parameters['file_id']}`);

async function promote(call: KeyedCall): Promise<Reply> {
  const { state, key, now } = call;
  const file = theFile(call);
  if (file === undefined) return missing(call);
  const id = newId('file');
  const place = path.join(state.folder(), newId('upload'));
  await writeFile(place, file.content);
  const stored = {
    ...{ id, name: file.name, type: 'text/plain', purpose: 'assistants_output', sha256: '' },
    ...{ bytes: { path: place, start: 0, end: file.content.length }, createdAt: now },
  };
  state.files.add(id, key.account, stored);
  state.creations.add('file', id, call);
  return { json: fileDocument(stored, 'openrouter') };
}

export const CONTAINER_ROUTES = routesFor('key', {
  'GET /containers/{container_id}/files': list,
  'GET /containers/{container_id}/files/{file_id}': (call) => {
    const file = theFile(call);
    return file === undefined ? missing(call) : { json: documentOf(file) };
  },
  'GET /containers/{container_id}/files/{file_id}/content': (call) => {
    const file = theFile(call);
    return file === undefined
      ? missing(call)
      : { bytes: file.content, type: 'application/octet-stream' };
  },
  'POST /containers/{container_id}/files/{file_id}/promote': promote,
});
