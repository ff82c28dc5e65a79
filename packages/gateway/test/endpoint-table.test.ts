import { expect, it } from 'vitest';
import { ENDPOINTS } from '../src/endpoints/endpoint-table.ts';
import { sdkOperations } from './support/sdk-operations.ts';

/** Parameters have other names here and there. */
const anonymous = (method: string, path: string) =>
  `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`;

const operations = sdkOperations();
const ofSdk = new Set(operations.map(({ method, path }) => anonymous(method, path)));
const ofTable = new Set(ENDPOINTS.map(({ method, pattern }) => anonymous(method, pattern)));

/** What OpenRouter serves although its SDK does not call it (documents, OpenAI's and Anthropic's SDKs, peers). */
const NOT_IN_SDK = [
  ...['POST /completions', 'POST /messages', 'POST /messages/count_tokens', 'GET /auth/key'],
  ...['GET /models/{}', 'GET /models/{}/{}', 'POST /credits/coinbase'],
  ...['', '/api/beta'].flatMap((root) => [
    ...[`POST ${root}/batches`, `GET ${root}/batches`, `GET ${root}/batches/{}`],
    ...[`GET ${root}/batches/{}/results`, `DELETE ${root}/batches/{}`],
  ]),
];

it('reads the operations of the installed SDK', () => {
  expect(operations.length).toBeGreaterThanOrEqual(120);
  expect(operations).toContainEqual({
    file: 'filesDownload.js',
    method: 'GET',
    path: '/files/{file_id}/content',
  });
});

it('has a row for every operation of the SDK: a new endpoint needs one', () => {
  expect([...ofSdk].filter((operation) => !ofTable.has(operation))).toEqual([]);
});

it('names no operation that the SDK does not know, except those known from elsewhere', () => {
  const named = [...ofTable].filter((operation) => !operation.startsWith('*'));
  expect(named.filter((operation) => !ofSdk.has(operation)).toSorted()).toEqual(
    NOT_IN_SDK.toSorted(),
  );
});

it('sends nothing to an account without saying under which key', () => {
  for (const { method, pattern, key, binds, creates, lists, answeredBy } of ENDPOINTS) {
    const isOfAccount = binds !== null || creates !== null || lists !== null;
    const row = `${method} ${pattern}`;
    expect(isOfAccount && key === 'none', row).toBe(false);
    expect(answeredBy === 'gateway' && key !== 'none', row).toBe(false);
    expect(binds?.in === 'path' && !pattern.includes(`{${binds.name}}`), row).toBe(false);
  }
});

it('repeats without condition only reads, and never those that make something', () => {
  for (const { method, pattern, repeat, creates, binds } of ENDPOINTS) {
    const row = `${method} ${pattern}`;
    expect(repeat === 'always' && method !== 'GET', row).toBe(false);
    expect(repeat === 'always' && (creates !== null || binds?.access === 'write'), row).toBe(false);
  }
});
