import { randomBytes } from 'node:crypto';
import { startProduct as startPrograms } from '@openrouter-proxy/end-to-end';
import { childWith, pin, type Running } from './processes.ts';

/** The core of what is measured, and that of everything else. */
export const GATEWAY_CORE = 0;
export const LOAD_CORE = 1;
export const ACCESS_KEY = randomBytes(16).toString('hex');

/** How the product is run. */
export interface ProductOptions {
  /** Another build of it. */
  readonly launcher?: string;
  readonly server?: Readonly<Record<string, unknown>>;
  /** Other sections of its configuration. */
  readonly settings?: Readonly<Record<string, object>>;
  /** Its gateway alone on its core; else wherever there is room. */
  readonly isPinned?: boolean;
}

/** The product, and the numbers of its processes. */
export interface Product extends Running {
  readonly url: string;
  readonly gateway: number;
  readonly launcher: number;
}

/** Starts the product itself, in front of `upstream`. */
export async function startProduct(
  folder: string,
  upstream: string,
  { launcher, server = {}, settings = {}, isPinned = true }: ProductOptions = {},
): Promise<Product> {
  const keys = Array.from({ length: 5 }, () => `sk-or-v1-${randomBytes(32).toString('hex')}`);
  const product = await startPrograms({
    folder,
    logFile: 'log',
    settings: {
      server: { access_key: ACCESS_KEY, ...server },
      openrouter: { keys, base_url: `${upstream}/api/v1` },
      ...settings,
    },
    ...(launcher === undefined ? {} : { launcher }),
  });
  const { url, pid } = product;
  const gateway = await childWith(pid, 'gateway');
  if (isPinned) {
    await pin(gateway, GATEWAY_CORE);
    await pin(await childWith(pid, 'kms'), LOAD_CORE);
  }
  return {
    url,
    gateway,
    launcher: pid,
    async stop() {
      await product.stop();
    },
  };
}
