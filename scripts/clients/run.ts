import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, startProduct } from '@openrouter-proxy/end-to-end';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { execa } from 'execa';
import type { Client, Place } from './client.ts';
import { resultOf, showsOurWords, type Result, type Situation } from './situations.ts';

/** Nobody may take longer, whatever happens. */
const DEADLINE_MS = 180_000;
/** How long an interrupted client may take to end, and its requests after it. */
const STOP_MS = 15_000;
const REQUEST_STOP_MS = 1_000;
const LOOK_EVERY_MS = 50;
const SERVER_MS = 20_000;
/** From a server's first line until it serves. */
const SERVER_SETTLES_MS = 2_000;
const KEYS = 3;
const ACCESS_KEY = 'clients-access-key';
const MODEL = 'anthropic/claude-sonnet-4.5';
const PROGRAMS = path.join(import.meta.dirname, 'programs');

/** A run of a client in a situation. */
export interface Run {
  readonly result: Result;
  /** Until it ended, or showed our words. */
  readonly ms: number;
  /** Requests that reached OpenRouter. */
  readonly upstream: number;
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** Neither telemetry nor updates, and a dead proxy for whatever leaves this machine. */
const ALONE = {
  ...{ HTTP_PROXY: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' },
  ...{ NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' },
  ...{ DO_NOT_TRACK: '1', CI: '1', NO_COLOR: '1', TERM: 'dumb', NO_UPDATE_NOTIFIER: '1' },
};

/** A variable that a client is not to have. */
const UNSET = 'unset';

/** The environment of a client: its own home, and nothing of ours. */
function environmentOf(client: Client, place: Place): Record<string, string> {
  const { home } = place;
  const environment: Record<string, string> = {
    ...ALONE,
    ...{ PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, HOME: home },
    ...{ XDG_CONFIG_HOME: `${home}/.config`, XDG_DATA_HOME: `${home}/.local/share` },
    ...{ XDG_CACHE_HOME: `${home}/.cache`, XDG_STATE_HOME: `${home}/.local/state` },
    ...{ TMPDIR: home, GATEWAY_URL: place.url, GATEWAY_KEY: place.accessKey, MODEL: place.model },
    ...client.environment?.(place),
  };
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== UNSET));
}

async function settle(client: Client, place: Place): Promise<void> {
  await mkdir(place.home, { recursive: true });
  await mkdir(place.work, { recursive: true });
  await writeFile(path.join(place.work, 'note.txt'), 'A note.\n');
  for (const [name, content] of Object.entries(client.files?.(place) ?? {})) {
    const file = path.join(place.home, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

/** The command line. A file of `programs/` is copied to where its imports are found. */
async function commandOf(words: readonly string[], packages: string): Promise<string[]> {
  const [program = '', ...rest] = words;
  if (path.extname(program) === '.mjs' && !program.includes('/')) {
    const copy = path.join(packages, program);
    await writeFile(copy, await readFile(path.join(PROGRAMS, program)));
    return [process.execPath, copy, ...rest];
  }
  const file = path.resolve(packages, 'node_modules', program);
  return /\.[cm]?js$/.test(program) ? [process.execPath, file, ...rest] : [file, ...rest];
}

function start(
  [program = '', ...rest]: readonly string[],
  env: Record<string, string>,
  cwd: string,
) {
  const child = execa(program, rest, {
    ...{ cwd, env, extendEnv: false, reject: false, all: true, detached: true, cleanup: false },
    ...{ stdin: 'ignore', maxBuffer: 1024 * 1024 },
  });
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // it has ended
    }
  };
  return { child, signal };
}

type Running = ReturnType<typeof start>;

const inTime = <T>(promise: Promise<T>, ms: number): Promise<T | undefined> =>
  Promise.race([promise, sleep(ms, undefined, { ref: false })]);

/** What a run works with. */
interface Scene {
  readonly client: Client;
  readonly situation: Situation;
  readonly fake: FakeOpenRouter;
  readonly place: Place;
  readonly env: Record<string, string>;
}

/** Waits until an answer of OpenRouter's has begun, or a whole one is waited for; false: not within the deadline. */
async function answerBegins({ fake, client }: Scene, giveUp: AbortSignal): Promise<boolean> {
  const begins = () =>
    fake.requests.records.some(
      ({ method, events }) => method === 'POST' && (events > 0 || client.isUnstreamed === true),
    );
  while (!giveUp.aborted && !begins()) await sleep(LOOK_EVERY_MS);
  return begins();
}

/** Interrupts a client once OpenRouter answers it, and looks whether it and its requests end. */
async function interrupt(scene: Scene, { child, signal }: Running): Promise<Result> {
  const ended = new AbortController();
  void child.then(() => ended.abort());
  const giveUp = AbortSignal.any([ended.signal, AbortSignal.timeout(DEADLINE_MS)]);
  if (!(await answerBegins(scene, giveUp))) return 'error';
  signal('SIGINT');
  const hasEnded = await inTime(
    child.then(() => true),
    STOP_MS,
  );
  await sleep(REQUEST_STOP_MS);
  const areOver = scene.fake.requests.records.every(
    ({ endedAt, abortedAt }) => endedAt !== null || abortedAt !== null,
  );
  return hasEnded === true && areOver ? 'stopped' : 'not stopped';
}

/** Starts one of a client's programs. */
async function startProgram(words: readonly string[], { place, env }: Scene): Promise<Running> {
  return start(await commandOf(words, place.packages), env, place.work);
}

/** Sets a client up, and starts the server that it needs. */
async function prepare(scene: Scene): Promise<Running | undefined> {
  const { client, place } = scene;
  await settle(client, place);
  if (client.setUp !== undefined) {
    const { child } = await startProgram(client.setUp(place), scene);
    await inTime(child, SERVER_MS);
  }
  if (client.server === undefined) return undefined;
  const server = await startProgram(client.server(place), scene);
  await inTime(once(server.child.all, 'data'), SERVER_MS);
  await sleep(SERVER_SETTLES_MS);
  return server;
}

function promptOf({ client, situation, place }: Scene): string {
  const tool = situation.usesTool === true ? (client.tool?.(place) ?? null) : null;
  if (tool === null) return 'Hello gateway. Use no tool.';
  return `Use ${tool.name} ${JSON.stringify(tool.input)}`;
}

/** When a program has first shown our words: some show them, and go on trying. */
function watch({ child }: Running): { shownAt: number | undefined } {
  const words: { shownAt: number | undefined } = { shownAt: undefined };
  let output = '';
  child.all.on('data', (piece: Buffer) => {
    if (words.shownAt !== undefined) return;
    output += piece.toString();
    if (showsOurWords(output)) words.shownAt = performance.now();
  });
  return words;
}

async function perform(scene: Scene): Promise<Run> {
  const { client, situation, fake, place } = scene;
  const startedAt = performance.now();
  const running = await startProgram(client.command(place, promptOf(scene)), scene);
  const words = watch(running);
  const stopped = situation.interrupts === true ? await interrupt(scene, running) : undefined;
  const ended = await inTime(running.child, stopped === undefined ? DEADLINE_MS : 0);
  const endedAt = performance.now();
  running.signal('SIGKILL');
  const { all: output, exitCode } = await running.child;
  const isSilent = ended === undefined && words.shownAt === undefined;
  const result = stopped ?? (isSilent ? 'hang' : resultOf(output, exitCode));
  const ms = ((result === 'message' ? words.shownAt : undefined) ?? endedAt) - startedAt;
  const upstream = fake.requests.records.filter(({ method }) => method === 'POST').length;
  return { result, ms, upstream, exitCode, output };
}

/** Runs a client in a situation, against a product of its own. */
export async function run(
  client: Client,
  situation: Situation,
  { packages, folder }: { packages: string; folder: string },
): Promise<Run> {
  const fake = await startFakeOpenRouter();
  for (let key = 0; key < KEYS; key += 1) fake.addKey();
  situation.prepare(fake, client);
  const product = await startProduct({
    folder: path.join(folder, 'product'),
    logFile: 'log',
    settings: {
      server: { access_key: ACCESS_KEY },
      openrouter: { base_url: fake.url, keys: fake.keys.map(({ secret }) => secret) },
    },
  });
  const place: Place = {
    ...{ url: product.url, accessKey: ACCESS_KEY, model: MODEL, packages },
    port: await freePort(),
    ...{ home: path.join(folder, 'home'), work: path.join(folder, 'work') },
  };
  const scene = { client, situation, fake, place, env: environmentOf(client, place) };
  let server: Running | undefined;
  try {
    server = await prepare(scene);
    return await perform(scene);
  } finally {
    server?.signal('SIGKILL');
    await product.stop();
    await fake.stop();
  }
}
