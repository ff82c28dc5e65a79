import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { childWith, freePort, pin, type Running } from './processes.ts';

/** The core of what is measured, and that of everything else. */
export const GATEWAY_CORE = 0;
export const LOAD_CORE = 1;
export const ACCESS_KEY = randomBytes(16).toString('hex');

const LAUNCHER = path.resolve(import.meta.dirname, '../../packages/launcher/dist/main.js');

/** How the product is run. */
export interface ProductOptions {
  /** Another build of it. */
  readonly launcher?: string;
  readonly server?: Readonly<Record<string, unknown>>;
  /** Its gateway alone on its core; else wherever there is room. */
  readonly isPinned?: boolean;
}

/** The product, and its gateway's process. */
export interface Product extends Running {
  readonly url: string;
  readonly gateway: number;
}

/** Starts the product itself, in front of `upstream`. */
export async function startProduct(
  folder: string,
  upstream: string,
  { launcher = LAUNCHER, server = {}, isPinned = true }: ProductOptions = {},
): Promise<Product> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const keys = Array.from({ length: 5 }, () => `sk-or-v1-${randomBytes(32).toString('hex')}`);
  const config = path.join(folder, 'config.yml');
  await writeFile(
    config,
    JSON.stringify({
      server: { port, access_key: ACCESS_KEY, log_format: 'json', ...server },
      openrouter: { keys, base_url: `${upstream}/api/v1` },
    }),
    { mode: 0o600 },
  );
  const child = execa(process.execPath, [launcher, '--config', config], {
    stdout: { file: path.join(folder, 'log') },
    reject: false,
  });
  const url = `http://127.0.0.1:${port}`;
  const isUp = () =>
    fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await isUp())) await sleep(50);
  const gateway = await childWith(Number(child.pid), 'gateway');
  if (isPinned) {
    await pin(gateway, GATEWAY_CORE);
    await pin(await childWith(Number(child.pid), 'kms'), LOAD_CORE);
  }
  return {
    url,
    gateway,
    async stop() {
      child.kill('SIGTERM');
      await child;
    },
  };
}
