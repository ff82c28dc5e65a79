import { createHash } from 'node:crypto';
import type { Secret } from '@openrouter-proxy/runtime';

/**
 * The public name that the key service gives a key: 12 hexadecimal digits, the same on every machine
 * and after every restart.
 */
export const keyIdOf = (secret: Secret): string =>
  createHash('sha256')
    .update(`openrouter-proxy/key-id\0${secret.reveal()}`)
    .digest('hex')
    .slice(0, 12);
