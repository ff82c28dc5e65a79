import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from './endpoint-table.ts';
import { matchEndpoint } from './match-endpoint.ts';

const ID = 'a1B2-c3';
const rowOf = (method: string, path: string) => {
  const match = matchEndpoint(method, path);
  return match.kind === 'ambiguous'
    ? 'ambiguous'
    : `${match.endpoint.method} ${match.endpoint.pattern}`;
};
const classOf = (method: string, path: string) => {
  const match = matchEndpoint(method, path);
  return match.kind === 'ambiguous' ? 'ambiguous' : match.endpoint.class;
};
const parametersOf = (method: string, path: string) => {
  const match = matchEndpoint(method, path);
  return match.kind === 'ambiguous' ? 'ambiguous' : match.parameters;
};
const example = (pattern: string) => pattern.replaceAll(/\{\w+\}/g, ID).replace('/*', '/deeper/x');

describe('matchEndpoint', () => {
  it.each(ENDPOINTS.map((row) => [row.method, row.pattern] as const))(
    'finds the row of %s %s',
    (method, pattern) => {
      const verb = method === '*' ? 'TRACE' : method;
      expect(rowOf(verb, example(pattern))).toBe(`${method} ${pattern}`);
    },
  );

  it.each([
    ['GET', '/videos/models', 'GET /videos/models'],
    ['GET', '/videos/job', 'GET /videos/{jobId}'],
    ['GET', '/models/user', 'GET /models/user'],
    ['GET', '/models/openai%2Fgpt-4o', 'GET /models/{id}'],
    ['GET', '/models/openai/gpt-4o', 'GET /models/{author}/{slug}'],
    ['HEAD', '/files', 'GET /files'],
    ['PATCH', '/files/f', '* /files/{file_id}/*'],
    ['DELETE', '/files', '* /files'],
    ['GET', '/generation/other', '* /generation/*'],
    ['POST', '/cursor/chat/completions', 'POST /chat/completions'],
    ['GET', '/cursor/keys', 'GET /keys'],
    ['GET', '/brand/new', '* /*'],
    ['POST', '/models', '* /*'],
  ])('%s %s is %s', (method, path, row) => {
    expect(rowOf(method, path)).toBe(row);
  });

  it('gives the parameters of a path, decoded', () => {
    expect(parametersOf('GET', '/models/openai%2Fgpt-4o')).toEqual({ id: 'openai/gpt-4o' });
    expect(parametersOf('GET', '/cursor/files/a%20b/content')).toEqual({ file_id: 'a b' });
    expect(parametersOf('DELETE', '/vault/interns/i/secrets/n')).toEqual({
      internId: 'i',
      name: 'n',
    });
  });

  it.each([
    ...['/../keys', '/x/%2e%2e/keys', '/x/.%2E/keys', '/./keys', '/x/..', '/.../keys'],
    ...['//keys', '/keys//', '/%2fkeys', '/keys%2F', '/keys%2fx', '/files/a%2Fb', '/models%2Fx'],
    ...['/models/..%2fkeys', '/models/x%2F..%2Fkeys', '/models/%2Fkeys', '/models/x%2Fy/endpoints'],
    ...[
      String.raw`/x\keys`,
      '/%5ckeys',
      '/keys%00',
      '/keys%0a',
      '/keys%7f',
      '/keys;x',
      '/keys%3bx',
    ],
    ...[
      '/%256beys',
      '/keys%',
      '/keys%zz',
      '/%ff',
      '/v1/keys',
      '/V1/keys',
      '/api/v1/keys',
      '/api/keys',
    ],
    ...['/keys?x', '/keys#x', '/\u212aeys', `/${'x/'.repeat(40)}x`],
  ])('refuses %s, which could be read in two ways', (path) => {
    expect(classOf('GET', path)).toBe('ambiguous');
  });

  it.each([
    ...['/KEYS', '/keys/', '/%6Beys', '/k%65ys', '/Keys/', '/keys.', '/keys%20', '/keys/a/b/c'],
    ...['/%EF%BD%8Beys', '/%E2%84%AAeys', '/cursor/cursor/KEYS'],
  ])('sees administration in %s, by whatever method', (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'PROPFIND', 'get']) {
      expect(classOf(method, path)).toBe('administration');
    }
  });
});

/** Spellings of one character that some server decodes to it. */
const spellings = (char: string) =>
  fc.constantFrom(
    ...[char, char.toUpperCase(), char.toLowerCase()],
    `%${(char.codePointAt(0) ?? 0).toString(16)}`,
    `%${(char.toUpperCase().codePointAt(0) ?? 0).toString(16).toUpperCase()}`,
  );

const spelled = (path: string) =>
  fc.tuple(...Array.from(path, (char) => (char === '/' ? fc.constant(char) : spellings(char))));

const managed = ENDPOINTS.filter(({ key }) => key === 'management');

it('knows an endpoint in every spelling of its path: none leads around a refusal', () => {
  const spelling = fc.constantFrom(...managed).chain((row) =>
    fc.record({
      row: fc.constant(row),
      path: spelled(example(row.pattern)),
      end: fc.constantFrom('', '/'),
      prefix: fc.constantFrom('', '/cursor', '/CURSOR'),
    }),
  );
  fc.assert(
    fc.property(spelling, ({ row, path, end, prefix }) => {
      const isElsewhere = row.pattern.startsWith('/api/');
      const match = matchEndpoint(
        row.method === '*' ? 'TRACE' : row.method,
        `${isElsewhere ? '' : prefix}${path.join('')}${end}`,
      );
      expect(match.kind === 'ambiguous' || match.endpoint.key === 'management').toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

it('never throws, and reads no path of raw bytes into a different object than its segments say', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      const match = matchEndpoint('GET', `/files/${text}`);
      if (match.kind === 'ambiguous' || match.endpoint.pattern !== '/files/{file_id}') return;
      expect(match.parameters['file_id']).toBe(decodeURIComponent(text.replace(/\/$/, '')));
    }),
  );
});
