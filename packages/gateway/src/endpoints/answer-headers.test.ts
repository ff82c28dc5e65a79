import { expect, it } from 'vitest';
import { apiAnswerHeaders } from './answer-headers.ts';

it('makes an HTML page of the upstream data', () => {
  expect(
    apiAnswerHeaders({
      'content-type': 'text/html',
      'Content-Security-Policy': "script-src 'unsafe-inline'",
      'content-security-policy-report-only': 'x',
      'x-content-type-options': 'anything',
      refresh: '0;url=https://evil.test',
      'clear-site-data': '"*"',
      'service-worker-allowed': '/',
      'strict-transport-security': 'max-age=1',
      etag: '"1"',
    }),
  ).toEqual({
    'content-type': 'text/html',
    etag: '"1"',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  });
});
