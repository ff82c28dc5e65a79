import { createHash } from 'node:crypto';

/**
 * A key's public name: 12 hexadecimal digits, the same on every machine and after every restart.
 * The prefix keeps it apart from the plain SHA-256 by which OpenRouter itself names the key.
 */
export function keyIdOf(secret: string): string {
  return createHash('sha256')
    .update(`openrouter-proxy/key-id\0${secret}`)
    .digest('hex')
    .slice(0, 12);
}
