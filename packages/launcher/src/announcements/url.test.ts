import { expect, it } from 'vitest';
import { urlOf } from './url.ts';

it.each([
  ['127.0.0.1', 'http://127.0.0.1:5555'],
  ['0.0.0.0', 'http://127.0.0.1:5555'],
  ['::', 'http://[::1]:5555'],
  ['fd00::1', 'http://[fd00::1]:5555'],
  ['localhost', 'http://localhost:5555'],
])('reaches a server that listens on %s at %s', (host, url) => {
  expect(urlOf({ host, port: 5555 })).toBe(url);
});
