import { expect, it } from 'vitest';
import { isPublicRequest } from './public-endpoint.ts';

const EXACT = ['/api/v1/models'];
const SUBTREE = ['/api/v1/models/*'];

it.each([
  ['GET', '/api/v1/models', EXACT, true],
  ['HEAD', '/api/v1/models/', EXACT, true],
  ['GET', '/api/v1/models/user', EXACT, false],
  ['GET', '/api/v1/modelsx', EXACT, false],
  ['POST', '/api/v1/models', EXACT, false],
  ['GET', '/api/v1/models/a/b/endpoints', SUBTREE, true],
  ['GET', '/api/v1/models', SUBTREE, true],
  ['GET', '/api/v1/modelsx/a', SUBTREE, false],
  ['DELETE', '/api/v1/models/a', SUBTREE, false],
  ['GET', '/api/v1/models', [], false],
])('%s %s is public under %j: %s', (method, path, endpoints, expected) => {
  expect(isPublicRequest(method, path, endpoints)).toBe(expected);
});
