import { createHash } from 'node:crypto';
import type { Secret } from '@openrouter-proxy/runtime';

/**
 * A key's public name: 12 hexadecimal digits, the same on every machine and after every restart. The
 * prefix keeps it apart from the plain SHA-256 by which OpenRouter itself names the key.
 */
export const keyIdOf = (secret: Secret): string =>
  createHash('sha256')
    .update(`openrouter-proxy/key-id\0${secret.reveal()}`)
    .digest('hex')
    .slice(0, 12);
