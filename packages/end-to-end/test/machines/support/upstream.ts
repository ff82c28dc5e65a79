import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { Host } from './network.ts';

const PROGRAM = path.resolve(
  path.dirname(fileURLToPath(import.meta.resolve('@openrouter-proxy/fake-openrouter'))),
  'main.ts',
);

/** How many answers there were, by key and status. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A fake OpenRouter on a host. */
export interface UpstreamAt {
  readonly host: Host;
  readonly url: string;
  readonly keys: readonly { readonly name: string; readonly secret: string }[];
  counts(): Promise<Counts>;
  /** Asks its controls for something. */
  control(method: string, what: string, body?: unknown): Promise<unknown>;
}

/** Starts a fake OpenRouter with so many keys, each of an account of its own. */
export async function startUpstream(host: Host, keys: number): Promise<UpstreamAt> {
  const [program = '', ...within] = host.within;
  const child = execa(
    program,
    [...within, process.execPath, PROGRAM, '--host', host.address, '--keys', `${keys}`],
    { reject: false, stdin: 'pipe', stderr: 'inherit', buffer: false },
  );
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await child;
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const said = JSON.parse(line) as { url: string; control: string; keys: UpstreamAt['keys'] };
  const control: UpstreamAt['control'] = async (method, what, body) => {
    const response = await fetch(`${said.control}${what}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.json();
  };
  return {
    ...{ host, url: said.url, keys: said.keys, control },
    counts: async () => (await control('GET', '/counts')) as Counts,
  };
}
