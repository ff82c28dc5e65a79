import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { FakeState } from '../state/fake-state.ts';
import type { FaultRule } from '../faults/fault-rules.ts';
import { writePreset } from '../records/presets.ts';
import { addContainerFile } from '../files/containers.ts';
import { endBatch } from '../jobs/batches.ts';
import { JOB_ENDS } from '../objects/job.ts';
import { endVideo } from '../jobs/videos.ts';
import { isObject } from '../models/prompt.ts';

type Command = (state: FakeState, body: unknown) => unknown;

function keyNamed(state: FakeState, body: unknown) {
  const name = isObject(body) ? body['key'] : undefined;
  const key = state.keys.find((candidate) => candidate.name === name);
  if (key === undefined) throw new Error(`there is no key ${String(name)}`);
  return key;
}

function number(body: unknown, name: string): number {
  const value = isObject(body) ? body[name] : undefined;
  if (typeof value !== 'number') throw new Error(`${name} must be a number`);
  return value;
}

function word(body: unknown, name: string): string {
  const value = isObject(body) ? body[name] : undefined;
  if (typeof value !== 'string') throw new Error(`${name} must be a text`);
  return value;
}

/** Ends a job at once: `{id, status}`. */
function endJob(state: FakeState, body: unknown): void {
  const id = word(body, 'id');
  const status = JOB_ENDS.find((end) => end === word(body, 'status'));
  const [video, batch] = [state.videos.find(id), state.batches.find(id)];
  if (status === undefined || (video ?? batch) === undefined)
    throw new Error('no such job or status');
  if (video !== undefined) endVideo(video, status, state.clock.now());
  if (batch !== undefined) endBatch(state, batch, status);
}

/** What can be asked of a fake from another process: method and path behind /__control. */
const COMMANDS: Readonly<Record<string, Command>> = {
  'GET /rules': (state) => state.rules.list(),
  'PUT /rules': (state, body) => {
    if (!Array.isArray(body)) throw new Error('rules must be a list');
    state.rules.set(body as FaultRule[]); // a test's own rules: what does not fit a kind does nothing
  },
  'GET /requests': (state) => state.requests.records,
  'GET /counts': (state) => state.requests.counts,
  'DELETE /requests': (state) => state.requests.clear(),
  'GET /creations': (state) => state.creations.list,
  'DELETE /creations': (state) => void (state.creations.list.length = 0),
  'PUT /jobs': (state, body) => void (state.pollsUntilDone = number(body, 'pollsUntilDone')),
  'POST /jobs/end': endJob,
  'POST /container-files': (state, body) => {
    const { account } = keyNamed(state, body);
    const [containerId, name, content] = ['container', 'name', 'content'].map((member) =>
      word(body, member),
    );
    return {
      id: addContainerFile(state, account, {
        containerId: containerId ?? '',
        name: name ?? '',
        content: content ?? '',
      }),
    };
  },
  'POST /presets': (state, body) => {
    const config = isObject(body) && isObject(body['config']) ? body['config'] : {};
    const { id } = writePreset(state, keyNamed(state, body).account, {
      slug: word(body, 'slug'),
      config,
    });
    return { id };
  },
  'GET /clock': (state) => ({ now: state.clock.now() }),
  'PUT /clock': (state, body) => {
    if (isObject(body) && 'now' in body) state.clock.set(number(body, 'now'));
    if (isObject(body) && 'speed' in body) state.clock.speed(number(body, 'speed'));
  },
  'GET /keys': (state) =>
    state.keys.map(({ name, secret, limit, spent, revoked }) => ({
      name,
      secret,
      limit,
      spent,
      revoked,
    })),
  'POST /keys': (state) => {
    const { name, secret } = state.addKey();
    return { name, secret };
  },
  'POST /revoke': (state, body) => void (keyNamed(state, body).revoked = true),
  'POST /restore': (state, body) => {
    const key = keyNamed(state, body);
    Object.assign(key, { revoked: false, limit: null, spent: 0 });
  },
  'POST /management': (state, body) => {
    keyNamed(state, body).isManagement = isObject(body) && body['isManagement'] === true;
  },
  'POST /cap': (state, body) => void (keyNamed(state, body).limit = number(body, 'limit')),
  'POST /credits': (state, body) =>
    void (keyNamed(state, body).account.credits = number(body, 'credits')),
};

/** Answers a request to `/__control/…`. */
export async function answerControl(
  state: FakeState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').replace(/^\/__control/, '');
  const reply = (status: number, document: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? { ok: true }));
  };
  try {
    const words = await text(request);
    const command = COMMANDS[`${request.method ?? ''} ${path}`];
    if (command === undefined)
      reply(404, { error: `no such command; there are ${Object.keys(COMMANDS).join(', ')}` });
    else reply(200, command(state, words === '' ? undefined : JSON.parse(words)));
  } catch (error) {
    reply(400, { error: String(error) });
  }
}
