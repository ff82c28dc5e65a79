import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as models from '@openrouter/sdk/models';
import * as operationModels from '@openrouter/sdk/models/operations';
import { expect, it, onTestFinished } from 'vitest';
import { addContainerFile } from '../src/files/containers.ts';
import { keyHash } from '../src/accounts/key.ts';
import { startFakeOpenRouter } from '../src/server/server.ts';

/** What the SDK parses an answer with. */
interface Schema {
  safeParse(value: unknown): { success: boolean; error?: unknown };
}

interface Operation {
  method: string;
  path: string;
  /** The expression that names the schema of a JSON answer; null: the answer is no JSON. */
  schema: string | null;
  /** The member under which the SDK puts the answer before it parses it. */
  key: string | undefined;
}

/** Every operation below `/api/v1` that the installed SDK can call. */
function sdkOperations(): Operation[] {
  const folder = fileURLToPath(new URL('funcs/', import.meta.resolve('@openrouter/sdk')));
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  return files.flatMap((file) => {
    const source = readFileSync(`${folder}${file}`, 'utf8');
    const path = /pathToFunc\("([^"]+)"/.exec(source)?.[1];
    const method = /^\s*method: "([A-Z]+)",$/m.exec(source)?.[1];
    if (path === undefined || method === undefined || path.startsWith('/api/')) return [];
    const json = /M\.json\((?:\d+|\[[^\]]+\]), ([\w.$]+)(?:, \{[^}]*key: "(\w+)")?/.exec(source);
    return [{ method, path, schema: json?.[1] ?? null, key: json?.[2] }];
  });
}

function schemaOf(expression: string): Schema {
  const [space, name = ''] = expression.split('.');
  const all: unknown = space === 'models' ? models : operationModels;
  return (all as Record<string, Schema>)[name] ?? expect.fail(`no schema ${expression}`); // the SDK's own names
}

const MODEL = 'openai/gpt-4o';
const INFERENCE = { model: MODEL, prompt: 'x', input: 'x', query: 'x', documents: ['a'] };

/** Bodies by operation; the others are sent an empty object. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /chat/completions': { model: MODEL, messages: [{ role: 'user', content: 'x' }] },
  'POST /systemone': { model: MODEL, questions: { q: { type: 'score' } } },
  'POST /audio/transcriptions': { model: MODEL, input_audio: { data: 'AA', format: 'wav' } },
  'POST /auth/keys/code': { callback_url: 'https://example.com' },
  'POST /generation/feedback': { generation_id: 'g' },
  'POST /keys': { name: 'new' },
  'PUT /workspaces/{workspace_ref}/budgets/{interval}': { limit_usd: 5 },
  ...Object.fromEntries(
    ['/responses', '/embeddings', '/rerank', '/images', '/audio/speech', '/videos'].map((path) => [
      `POST ${path}`,
      INFERENCE,
    ]),
  ),
};

/** What must be there before something else is asked for comes first; deletions come last. */
const rank = ({ method, path }: Operation) => {
  if (method === 'POST' && !path.includes('{')) return 0;
  return { PUT: 1, POST: 2, GET: 3, PATCH: 4, DELETE: 5 }[method] ?? 6;
};

async function start() {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  const account = fake.addAccount();
  const user = fake.addKey({ account });
  const manager = fake.addKey({ account, isManagement: true });
  const spare = fake.addKey({ account });
  fake.state.pollsUntilDone = 1;
  const containerFile = addContainerFile(fake.state, account, {
    ...{ containerId: 'c1', name: 'plot.txt', content: 'a plot' },
  });
  return { fake, user, manager, spare, containerFile };
}

type World = Awaited<ReturnType<typeof start>>;

/** The path of an operation with the ids of what was made. */
function filled({ path }: Operation, { fake, spare, containerFile }: World): string {
  const last = (kind: string) => fake.creations.findLast((made) => made.kind === kind)?.id ?? '';
  const kinds: Readonly<Record<string, string>> = {
    ...{ workspaces: 'workspace', guardrails: 'guardrail', byok: 'byok' },
    ...{ observability: 'destination', scim: 'group mapping' },
  };
  const folder = path.split('/')[1] ?? '';
  const values: Readonly<Record<string, string>> = {
    ...{ author: 'openai', slug: path.startsWith('/presets') ? 'mine' : 'gpt-4o', version: '1' },
    ...{
      hash: keyHash(spare),
      id: last(path.includes('sync-jobs') ? 'sync job' : (kinds[folder] ?? '')),
      workspace_ref: 'w',
      name: 'TOKEN',
    },
    ...{ interval: 'monthly', jobId: last('video'), internId: last('intern'), container_id: 'c1' },
    file_id: folder === 'containers' ? containerFile : last('file'),
  };
  return path.replaceAll(/\{(\w+)\}/g, (_text, name: string) => values[name] ?? '');
}

async function call(operation: Operation, world: World): Promise<Response> {
  const { fake, user, manager } = world;
  const name = `${operation.method} ${operation.path}`;
  const generation = [...fake.state.generations.keys()].at(-1) ?? '';
  if (operation.path.startsWith('/generation')) {
    const found = fake.state.generations.get(generation);
    if (found !== undefined) found.asked = 1; // it is old enough to be known
  }
  const send = (secret: string) => {
    const { method } = operation;
    const form = new FormData();
    form.set('file', new Blob(['text']), 'a.txt');
    const body = name === 'POST /files' ? form : JSON.stringify(bodyOf(name, world));
    const url = `${fake.url}${filled(operation, world)}?id=${generation}`;
    const headers = { authorization: `Bearer ${secret}` };
    return fetch(url, { method, headers, ...(method === 'GET' ? {} : { body }) });
  };
  const asUser = await send(user.secret);
  return asUser.status === 403 ? send(manager.secret) : asUser;
}

function bodyOf(name: string, { fake }: World): object {
  if (name === 'POST /auth/keys') {
    const code = fake.creations.findLast(({ kind }) => kind === 'auth code')?.id;
    return { code };
  }
  return BODIES[name] ?? {};
}

it('answers every operation of the SDK in a shape that the SDK parses', async () => {
  const world = await start();
  const failures: string[] = [];
  const all = sdkOperations().toSorted((a, b) => rank(a) - rank(b));
  const codes = all.filter(({ path }) => path === '/auth/keys/code');
  const others = all.filter(({ path }) => path !== '/auth/keys/code');
  for (const operation of [...codes, ...others]) {
    const response = await call(operation, world);
    const text = await response.text();
    const name = `${operation.method} ${operation.path}`;
    if (!response.ok) failures.push(`${name}: ${response.status} ${text.slice(0, 100)}`);
    else if (operation.schema !== null && text.startsWith('{')) {
      const document: unknown = JSON.parse(text);
      const value = operation.key === undefined ? document : { [operation.key]: document };
      const parsed = schemaOf(operation.schema).safeParse(value);
      if (!parsed.success) failures.push(`${name}: ${String(parsed.error).slice(0, 600)}`);
    }
  }
  expect(failures).toEqual([]);
  expect(all.length).toBeGreaterThanOrEqual(119);
});
