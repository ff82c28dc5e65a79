import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { run } from '../../src/run.ts';
import type { Io } from '../../src/io.ts';

const LAUNCHER = path.resolve(import.meta.dirname, '../../../../dist/launcher.js');
/** The CLI as a program. */
export const CLI = path.resolve(import.meta.dirname, '../../../../dist/cli.js');
export const PAID_MODEL = 'openai/gpt-4o';
const ACCESS_KEY = 'the-access-key-of-the-test';

/** The whole product in front of a fake OpenRouter, as a user runs it. */
export interface Product extends AsyncDisposable {
  readonly fake: FakeOpenRouter;
  readonly folder: string;
  readonly config: string;
  readonly socket: string;
  /** Everything that must never be printed. */
  readonly secrets: readonly string[];
  /** Sends a request, whose id is given. */
  ask(requestId: string, body?: object, signal?: AbortSignal): Promise<number>;
  /** Writes the configuration anew. */
  configure(openrouter: object, server?: object): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it with keys of accounts of their own, named `key-1`, `key-2`, … */
export async function startProduct(keys: number): Promise<Product> {
  const fake = await startFakeOpenRouter();
  for (let n = 0; n < keys; n += 1) fake.addKey();
  const secrets = fake.keys.map(({ secret }) => secret);
  const folder = await mkdtemp(path.join(tmpdir(), 'kms-cli-'));
  const config = path.join(folder, 'config.yml');
  const configure = (openrouter: object, server: object = {}) =>
    writeFile(
      config,
      JSON.stringify({
        server: { port: 0, access_key: ACCESS_KEY, log_format: 'json', ...server },
        openrouter: { base_url: fake.url, keys: secrets, ...openrouter },
      }),
      { mode: 0o600 },
    );
  await configure({});
  const child = spawn(process.execPath, [LAUNCHER, '--config', config], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const url = await readyAt(child.stdout);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return {
    ...{ fake, folder, config, configure, stop },
    socket: path.join(folder, '.openrouter-proxy/kms.sock'),
    secrets: [...secrets, ACCESS_KEY],
    async ask(requestId, body = {}, signal) {
      const response = await fetch(`${url}/chat/completions`, {
        method: 'POST',
        ...(signal && { signal }),
        headers: {
          authorization: `Bearer ${ACCESS_KEY}`,
          'content-type': 'application/json',
          'x-request-id': requestId,
        },
        body: JSON.stringify({
          model: PAID_MODEL,
          messages: [{ role: 'user', content: 'Hello' }],
          ...body,
        }),
      });
      await response.text();
      return response.status;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await fake.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** The clients' address, once everything serves. */
async function readyAt(output: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: output });
  for await (const line of lines) {
    const { message, clients } = JSON.parse(line) as Record<string, unknown>;
    if (message !== 'ready') continue;
    output.resume(); // the log goes on
    return String(clients);
  }
  throw new Error('the product did not start');
}

/** What a command line came to. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where a command line is carried out in this process. */
export interface ConfigInputs extends Partial<Omit<Io, 'out' | 'err'>> {
  readonly product?: Product;
  /** Called with each piece of output as soon as the command prints it. */
  readonly onOutput?: (text: string) => void;
}

/** Carries out a command line here, as the program would, and gives what it printed. */
export async function kms(
  args: readonly string[],
  { product, onOutput, ...io }: ConfigInputs = {},
): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await run(args, {
    ...{ columns: 100, rows: 50, isTerminal: false, colour: false },
    ...{ now: () => Date.now(), interrupted: new AbortController().signal },
    env: product === undefined ? {} : { OPENROUTER_PROXY_CONFIG: product.config },
    cwd: product?.folder ?? tmpdir(),
    ...io,
    out: (text) => {
      out += text;
      onOutput?.(text);
    },
    err: (text) => (err += text),
  });
  return { code, out, err };
}
