import { BROKEN_OFF, LASTS, passedOn, refused, trial, type Trial } from './trial.ts';

const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
const ENCODINGS = ['plain', 'upper', 'base64', 'percent', 'json', 'without prefix'] as const;
const page = { 'content-type': 'text/html' };
const json = { 'content-type': 'application/json' };

/** An answer that is no whole JSON document, or holds more than it should. */
export const DOCUMENTS: readonly Trial[] = [
  trial('document: empty', { kind: 'answer', status: 200, headers: json, body: '' }),
  trial('document: blank', { kind: 'answer', status: 200, headers: json, body: '\n\n\n' }),
  trial('document: cut', { kind: 'document', bytes: 40 }),
  trial('document: a page', { kind: 'answer', status: 200, headers: page, body: '<html></html>' }),
  ...CODINGS.flatMap((coding) => [
    trial(`document: cut in ${coding}`, { kind: 'document', coding, bytes: 30 }),
    trial(`document: labelled ${coding}`, { kind: 'document', coding, isLabelOnly: true }),
  ]),
  trial('document: empty each time', { kind: 'document', bytes: 0 }, { ...LASTS, ...refused(502) }),
  trial(
    'document: a redirect',
    { kind: 'answer', status: 302, headers: { location: 'http://elsewhere.example/' }, body: '' },
    refused(502),
  ),
  trial('document: blank lines', { kind: 'blank-lines', lines: 6, everyMs: 200 }),
  trial(
    'document: blank lines, passed',
    { kind: 'blank-lines', lines: 6, everyMs: 200 },
    { keepalive: true },
  ),
  trial(
    'document: empty, late',
    { kind: 'document', bytes: 0 },
    { ...LASTS, keepalive: true, seen: BROKEN_OFF },
  ),
  trial('document: odd usage', {
    kind: 'answer',
    status: 200,
    headers: json,
    body: '{"choices":[{"text":"You"}],"usage":{"prompt_tokens":1e999,"completion_tokens":9007199254740991,"cost":1e308}}',
  }),
  trial(
    'document: an empty error',
    {
      kind: 'answer',
      status: 200,
      headers: json,
      body: '{"error":{},"choices":[{"text":"You"}]}',
    },
    passedOn(200),
  ),
  ...ENCODINGS.map((encoding) => trial(`document: key ${encoding}`, { kind: 'echo', encoding })),
];
