import { expect, it } from 'vitest';
import * as z from 'zod';
import { parseJson, readJson } from './read-json.ts';

const shape = z.strictObject({ count: z.int() });

it('reads JSON of the shape', () => {
  expect(readJson('{"count":1}', shape)).toEqual({ count: 1 });
  expect(parseJson('null')).toBeNull();
});

it.each(['{"count":"1"}', '{"count":1,"more":2}', '{"count":', '', 'null'])(
  'returns undefined for %j, which has another shape',
  (text) => {
    expect(readJson(text, shape)).toBeUndefined();
  },
);
