import { expect, it } from 'vitest';
import { childEnvironment } from './child-environment.ts';

it('passes on only the allowed variables', () => {
  const environment = { PATH: '/bin', LC_ALL: 'C', TZ: 'UTC', NODE_EXTRA_CA_CERTS: '/ca.pem' };
  expect(childEnvironment(environment)).toEqual({ ...environment, NODE_ENV: 'production' });
});

it.each([
  'OPENROUTER_KEYS',
  'OPENROUTER_PROXY_ACCESS_KEY',
  'REDIS_URL',
  'NODE_OPTIONS',
  'NODE_DEBUG',
  'NODE_ENV',
  'CREDENTIALS_DIRECTORY',
  'LCX',
  'constructor',
])('keeps %s from the children', (name) => {
  expect(Object.values(childEnvironment({ [name]: 'canary' }))).not.toContain('canary');
});
