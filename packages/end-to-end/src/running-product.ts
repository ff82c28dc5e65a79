import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { connectToUnixSocket, KmsClient } from '@openrouter-proxy/kms-protocol';
import { launchProduct, type LaunchedProduct, type LaunchOptions } from './launch.ts';
import type { LogLine } from './log.ts';

/** The product as a user runs it: launcher, key service and gateway, all of them ready. */
export interface RunningProduct extends LaunchedProduct {
  /** The gateway's URL, without a path. */
  readonly url: string;
  readonly socket: string;
  readonly stateDir: string;
  /** A new connection of an operator to the key service. The caller closes it. */
  readonly operator: () => Promise<KmsClient>;
}

/**
 * Starts the product, on a free port unless another is set, and waits until it is ready.
 * Throws if it ends before, or hangs.
 */
export async function startProduct(options: LaunchOptions): Promise<RunningProduct> {
  const server = { port: 0, log_format: 'json', ...(options.settings['server'] as object) };
  const launched = await launchProduct({ ...options, settings: { ...options.settings, server } });
  const ready = await readyLine(launched).catch(async (error: unknown) => {
    await launched.stop();
    throw error;
  });
  if (options.logFile !== undefined) launched.stdout.close();
  const socket = String(ready['kmsSocket']);
  return {
    ...launched,
    url: String(ready['clients']).replace(/\/api\/v1$/, ''),
    socket,
    stateDir: path.join(options.folder, '.openrouter-proxy'),
    operator: () => connectOperator(socket),
  };
}

/** Connects to a key service as an operator, with the token beside its socket. */
export async function connectOperator(socket: string): Promise<KmsClient> {
  const token = (await readFile(path.join(path.dirname(socket), 'operator.token'), 'utf8')).trim();
  return new KmsClient({
    connect: () => connectToUnixSocket(socket),
    role: 'operator',
    token: { reveal: () => token },
  });
}

/** The line of the log that says where everything is. */
async function readyLine({ stdout, stderr, ended }: LaunchedProduct): Promise<LogLine> {
  const line = stdout.line(({ message }) => message === 'ready');
  const tooSoon = ended.then(() => {
    throw new Error(`The product ended before it was ready:\n${stdout.text}${stderr.text}`);
  });
  line.catch(() => undefined); // after an end, nobody waits for it
  tooSoon.catch(() => undefined); // an end after the start concerns the caller
  return Promise.race([line, tooSoon]);
}
