import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentScan, documentState } from './json-scan.ts';

const stateOf = (text: string) => documentState(Buffer.from(text));

it.each([
  ['', 'blank'],
  ['\n \r\n\t', 'blank'],
  ['\ufeff', 'blank'],
  ['{}', 'whole'],
  ['\ufeff\n{"a":[]} \n', 'whole'],
  ['[{"a":"}"}]', 'whole'],
  ['{"id":"gen-1","choi', 'open'],
  ['{"a":{"b":1}', 'open'],
  ['{"a":"}', 'open'],
  [String.raw`{"a":"\"}`, 'open'],
  [String.raw`{"a":"\\"}`, 'whole'],
  ['<!doctype html>{}', 'other'],
  ['data: {}\n\n', 'other'],
  ['null', 'scalar'],
  ['-1', 'scalar'],
  ['"x"', 'scalar'],
])('%j is %s', (text, state) => {
  expect(stateOf(text)).toBe(state);
});

const documents = fc
  .oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.string().map((text) => [text, String.raw`\"`, '\\']),
  )
  .map((value) => Buffer.from(JSON.stringify({ value })));

describe('a document', () => {
  it('is whole, and every shorter beginning of it is not', () => {
    fc.assert(
      fc.property(documents, fc.nat(), (document, place) => {
        expect(documentState(document)).toBe('whole');
        const cut = document.subarray(0, place % document.length);
        expect(documentState(cut)).toBe(cut.length === 0 ? 'blank' : 'open');
      }),
      { numRuns: 1_000 },
    );
  });

  it('is judged the same however it is cut into chunks', () => {
    fc.assert(
      fc.property(documents, fc.array(fc.nat(6)), fc.boolean(), (document, cuts, isCut) => {
        const body = isCut ? document.subarray(0, -1) : document;
        const scan = new DocumentScan();
        let at = 0;
        for (const length of cuts) scan.push(body.subarray(at, (at += length)));
        scan.push(body.subarray(at));
        expect(scan.state).toBe(isCut ? 'open' : 'whole');
      }),
      { numRuns: 1_000 },
    );
  });
});
