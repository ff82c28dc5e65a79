import { tmpdir } from 'node:os';
import { rm } from 'node:fs/promises';
import { run, type Io } from '@openrouter-proxy/cli';
import { startProduct as startPrograms } from '@openrouter-proxy/end-to-end';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { PAID_MODEL } from '../../support/product.ts';
import { newFolder } from '../../support/system.ts';

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
  /** Replaces the configuration. */
  configure(openrouter: object, server?: object): Promise<void>;
  stop(): Promise<unknown>;
}

/** Starts it with keys of accounts of their own, named `key-1`, `key-2`, … */
export async function startProduct(keys: number): Promise<Product> {
  const fake = await startFakeOpenRouter();
  for (let n = 0; n < keys; n += 1) fake.addKey();
  const secrets = fake.keys.map(({ secret }) => secret);
  const folder = await newFolder();
  const settings = (openrouter: object, server: object) => ({
    server: { port: 0, access_key: ACCESS_KEY, log_format: 'json', ...server },
    openrouter: { base_url: fake.url, keys: secrets, ...openrouter },
  });
  const product = await startPrograms({ folder, settings: settings({}, {}) });
  return {
    ...{ fake, folder, config: product.config, socket: product.socket, stop: product.stop },
    configure: (openrouter, server = {}) => product.configure(settings(openrouter, server)),
    secrets: [...secrets, ACCESS_KEY],
    async ask(requestId, body = {}, signal) {
      const response = await fetch(`${product.url}/api/v1/chat/completions`, {
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
      await product.stop();
      await fake.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Result of a command line. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Conditions under which a command line is carried out in this process. */
export interface RunOptions extends Partial<Omit<Io, 'out' | 'err'>> {
  readonly product?: Product;
  /** Called with each piece of output as soon as the command prints it. */
  readonly onOutput?: (text: string) => void;
}

/** Carries out a command line here, as the program would; its output. */
export async function kms(
  args: readonly string[],
  { product, onOutput, ...io }: RunOptions = {},
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
