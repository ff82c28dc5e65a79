import { expect, it } from 'vitest';
import { actsOnOrigin } from './answer-headers.ts';

it.each([
  'Content-Security-Policy',
  'content-security-policy-report-only',
  'refresh',
  'clear-site-data',
  'service-worker-allowed',
  'strict-transport-security',
])('the field %s acts on the origin and is withheld', (name) => {
  expect(actsOnOrigin(name)).toBe(true);
});

it.each(['content-type', 'etag', 'x-generation-id'])('the field %s passes', (name) => {
  expect(actsOnOrigin(name)).toBe(false);
});
