import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 700;
/** What stays the same from request to request, as an agent's instructions do. */
const INSTRUCTIONS = 'You are a patient assistant. Answer in one sentence. '.repeat(12);

/** A kind of request that clients send. */
interface Scene {
  readonly path: 'chat/completions' | 'messages' | 'responses';
  readonly model: string;
  readonly stream: boolean;
}

const SCENES: readonly Scene[] = [
  { path: 'chat/completions', model: 'deepseek/deepseek-r1:free', stream: false },
  { path: 'chat/completions', model: 'openai/gpt-4o', stream: true },
  { path: 'chat/completions', model: 'deepseek/deepseek-r1:free', stream: true },
  { path: 'messages', model: 'anthropic/claude-sonnet-4.5', stream: true },
  { path: 'chat/completions', model: 'deepseek/deepseek-r1:free', stream: false },
  { path: 'responses', model: 'openai/gpt-4o-mini', stream: false },
];
const MISTAKE: Scene = { path: 'chat/completions', model: 'no/such-model', stream: false };
/** Every so many requests somebody mistypes a model. */
const MISTAKE_EVERY = 31;

/** Every so many requests somebody asks which models there are. */
const MODELS_EVERY = 9;

/** Where the traffic goes. */
export interface TrafficOptions {
  url: string;
  /** The clients' keys: they take turns. */
  accessKeys: readonly string[];
  signal: AbortSignal;
}

/** What a scene asks for, in its API's own words. */
function bodyOf({ path, model, stream }: Scene, turn: number): object {
  const question = { role: 'user', content: `turn ${turn}` };
  switch (path) {
    case 'chat/completions':
      return {
        ...{ model, stream },
        messages: [{ role: 'system', content: INSTRUCTIONS }, question],
      };
    case 'messages':
      return { model, stream, max_tokens: 200, system: INSTRUCTIONS, messages: [question] };
    case 'responses':
      return { model, stream, instructions: INSTRUCTIONS, input: question.content };
  }
}

/** Sends one request after the other, and prints a line for each. */
export async function sendTraffic({ url, accessKeys, signal }: TrafficOptions): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    const scene = turn % MISTAKE_EVERY === 20 ? MISTAKE : SCENES[turn % SCENES.length];
    const key = accessKeys[turn % accessKeys.length];
    if (scene === undefined || key === undefined) return;
    const response = await fetch(`${url}/api/v1/${scene.path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(scene, turn)),
    }).catch(() => undefined); // the gateway is stopping: the signal says so next
    if (response !== undefined) await print(scene, response);
    if (turn % MODELS_EVERY === 0) await listModels(url);
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined); // ends with the loop
  }
}

/** As a client does that lets people choose a model; the gateway answers from its cache. */
async function listModels(url: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/models`).catch(() => undefined); // as above
  await response?.arrayBuffer();
}

async function print({ model, stream }: Scene, response: Response): Promise<void> {
  const { length } = await response.text().catch(() => '(cut)');
  const attempts = Number(response.headers.get('x-proxy-attempts'));
  const how = stream ? 'streamed' : 'plain';
  const note = attempts > 1 ? `   served by key no. ${attempts} that was tried` : '';
  const time = new Date().toTimeString().slice(0, 8);
  console.log(
    `${time}  ${response.status}  ${model.padEnd(27)} ${how.padEnd(9)} ${length} bytes${note}`,
  );
}
