import { Secret } from '@openrouter-proxy/runtime';
import type { Reading } from './reading.ts';

const LONGEST_KEY = 512;
const KEY = /^sk-or-[\x21-\x7e]+$/;
const PLACEHOLDER = /^sk-or-v1-your-/i;

/** Reads an OpenRouter key. The problem never quotes it. */
export function readKey(value: unknown): Reading<Secret> {
  const key = typeof value === 'string' ? value.trim() : '';
  if (key === '') return { problem: 'must be an OpenRouter key, which starts with `sk-or-`' };
  if (PLACEHOLDER.test(key)) {
    return { problem: 'is the placeholder of the example: put your own OpenRouter key here' };
  }
  if (!key.startsWith('sk-or-')) {
    return { problem: 'is not an OpenRouter key: it must start with `sk-or-`' };
  }
  if (key.lastIndexOf('sk-or-') > 0) {
    return { problem: 'holds more than one key: separate them with commas, spaces or newlines' };
  }
  if (!KEY.test(key)) {
    return { problem: 'is not an OpenRouter key: only visible ASCII may follow `sk-or-`' };
  }
  if (key.length > LONGEST_KEY) {
    return { problem: `is not an OpenRouter key: it is longer than ${LONGEST_KEY} characters` };
  }
  return { value: new Secret(key) };
}

const USUAL_KEY = /^sk-or-v1-[0-9a-f]{64}$/i;

/** A warning about an accepted key, which never quotes the key; null if there is none. */
export const keyWarning = (key: Secret): string | null =>
  USUAL_KEY.test(key.reveal())
    ? null
    : 'does not look like an OpenRouter key (sk-or-v1- and 64 hexadecimal digits): was it cut?';

const LONGEST_ACCESS_KEY = 512;
const ACCESS_KEY = /^[\x21-\x7e]+$/;
const ACCESS_KEY_PLACEHOLDER = 'your_local_access_key_here';

/** Reads an access key of clients. The problem never quotes it. */
export function readAccessKey(value: unknown): Reading<Secret> {
  if (value === undefined) return { problem: 'is missing: it must be an access key' };
  if (value === null || value === '') {
    return { problem: 'is empty: set an access key, or leave it out to have one made' };
  }
  if (typeof value !== 'string') return { problem: 'must be a text: put it in quotes' };
  if (value === ACCESS_KEY_PLACEHOLDER) {
    return {
      problem: 'is the placeholder of the example: set one, or leave it out to have one made',
    };
  }
  if (!ACCESS_KEY.test(value)) {
    return { problem: 'must be visible ASCII without spaces, or clients could not send it' };
  }
  if (value.length > LONGEST_ACCESS_KEY) {
    return { problem: `must have at most ${LONGEST_ACCESS_KEY} characters` };
  }
  return { value: new Secret(value) };
}
