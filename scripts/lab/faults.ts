import type { ErrorFamily } from '@openrouter-proxy/fake-openrouter';
import { OF_ACCOUNTS } from './accounts.ts';
import { DOCUMENTS } from './documents.ts';
import { LARGE_BODIES } from './large-bodies.ts';
import {
  BROKEN_OFF,
  LASTS,
  passedOn,
  refusal,
  refused,
  stream,
  trial,
  type Trial,
  type TrialOptions,
} from './trial.ts';

/** What becomes of each of OpenRouter's refusals. */
const REFUSALS: Readonly<Record<ErrorFamily, TrialOptions>> = {
  // For the key's or its account's sake: another key serves.
  free_per_minute: { free: true, setAside: 'account' },
  free_per_day: { free: true, setAside: 'account' },
  key_limit: { setAside: 'key' },
  key_limit_402: { setAside: 'key' },
  insufficient_credits: { setAside: 'account' },
  in_flight_budget: { setAside: 'account' },
  workspace_budget: { setAside: 'account' },
  model_throttled: { setAside: 'account-model' },
  no_allowed_providers: { setAside: 'account-model' },
  data_policy: { setAside: 'account-model' },
  privacy_restricted: { setAside: 'account-model' },
  guardrail_models: { setAside: 'account-model' },
  guardrail_blocked: { setAside: 'account-model' },
  preset_not_found: { setAside: 'account-model' },
  cannot_afford: {},
  management_key: { setAside: 'key' },
  unnamed_limit: { setAside: 'key-model' },
  unauthorized: { setAside: 'key' },
  no_credentials: { setAside: 'key' },
  // For the provider's sake: the same again, after a wait.
  provider_shared_pool: {},
  provider_google: {},
  capacity_exhausted: {},
  timeout: {},
  internal: {},
  provider_failed: {},
  unavailable: {},
  overloaded: {},
  // For the caller's sake: nothing can help.
  moderation: passedOn(403),
  management_only: passedOn(403),
  invalid_model: passedOn(400),
  bad_request: passedOn(400),
  provider_bad_request: passedOn(400),
  not_found: passedOn(404),
  no_endpoints: passedOn(404),
  payload_too_large: passedOn(413),
  unprocessable: passedOn(422),
  request_too_expensive: passedOn(402),
  // For this address's sake.
  edge_blocked: refused(429),
};

/** How a connection can fail. */
const CONNECTION = ['stall', 'end', 'reset'] as const;

const BEFORE_CONTENT: readonly Trial[] = CONNECTION.flatMap((kind) => [
  trial(`${kind} before the head`, { kind, when: 'before-headers' }),
  trial(`${kind} after the head`, { kind, when: 'after-headers' }),
  trial(`${kind} before a stream`, { kind, when: 'before-headers' }, { stream }),
  trial(`${kind} before its content`, { kind, when: { events: 0 } }, { stream }),
]);

const WITHIN_CONTENT: readonly Trial[] = [
  ...CONNECTION.map((kind) =>
    trial(`${kind} within a stream`, { kind, when: { events: 2 } }, { stream, seen: BROKEN_OFF }),
  ),
  // An error event of OpenRouter's own reaches the client as it is, and the stream does not end in order.
  trial('error within a stream', { kind: 'stream-error', events: 2 }, { stream, seen: BROKEN_OFF }),
  trial('no end of a stream', { kind: 'no-done' }, { stream }),
];

const IN_DISGUISE: readonly Trial[] = [
  trial('error in a 200', { kind: 'error-in-200', where: 'body' }),
  trial('error in a choice', { kind: 'error-in-200', where: 'choice' }),
  trial('error instead of a stream', { kind: 'error-in-200', where: 'body' }, { stream }),
  trial('error as the first event', { kind: 'stream-error', events: 0 }, { stream }),
  trial('events behind an error', { kind: 'stream-error', events: 0, goesOn: true }, { stream }),
];

const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
const page = { 'content-type': 'text/html' };
const json = { 'content-type': 'application/json' };

const PROVIDER_429 = JSON.stringify({
  error: { message: 'Provider returned error', code: 429, metadata: { provider_name: 'X' } },
});

const NO_HTTP: readonly Trial[] = [
  trial('bytes instead of HTTP', { kind: 'raw', bytes: 'SSH-2.0-OpenSSH_9.2\r\n' }),
  trial('a status below 100', { kind: 'raw', bytes: 'HTTP/1.1 099 No\r\n\r\n' }),
  trial('a status above 599', { kind: 'raw', bytes: 'HTTP/1.1 799 No\r\n\r\n' }),
  trial('a switch of protocols', {
    kind: 'raw',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  }),
  trial('a length and chunks', {
    kind: 'raw',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
  }),
  trial('a page of the edge’s, 502', {
    kind: 'answer',
    status: 502,
    headers: page,
    body: '<html>Bad gateway</html>',
  }),
  trial('a 500 without a word', { kind: 'answer', status: 500, headers: json, body: '' }),
  trial('a 429 without a word', { kind: 'answer', status: 429, headers: json, body: '' }),
  trial('a 429 that is not gzip', {
    kind: 'answer',
    status: 429,
    headers: { ...json, 'content-encoding': 'gzip' },
    body: PROVIDER_429,
  }),
];

/** A firewall refuses a request for its content or its size. A 401 would blame the client's key: it gets 502. */
const FIREWALL: readonly Trial[] = [400, 401, 403, 406, 413].map((status) =>
  trial(
    `a page of a firewall, ${status}`,
    { kind: 'answer', status, headers: page, body: '<html><title>Denied</title></html>' },
    { ...LASTS, ...refused(status === 401 ? 502 : status) },
  ),
);

const MARKED = { mark: true, unended: true };
/** What looks odd and is none of the upstream's faults. */
const NO_FAULTS: readonly Trial[] = [
  trial('an empty stream', { kind: 'empty' }, { stream, seen: { kind: 'empty' } }),
  trial('a slow head', { kind: 'delay', headersMs: 400 }),
  trial('comments first', { kind: 'delay', comments: 3, commentMs: 100 }, { stream }),
  trial('slow events', { kind: 'delay', eventMs: 50 }, { stream }),
  trial('byte by byte', { kind: 'framing', chunkBytes: 1 }, { stream }),
  trial('CR LF, seven bytes', { kind: 'framing', lineEnd: '\r\n', chunkBytes: 7 }, { stream }),
  trial('CR, a mark, no blank line', { kind: 'framing', lineEnd: '\r', ...MARKED }, { stream }),
  ...CODINGS.map((coding) =>
    trial(`a stream in ${coding}`, { kind: 'framing', coding, chunkBytes: 1 }, { stream }),
  ),
  trial('an event of 300 KiB', { kind: 'large-event', bytes: 300 * 1024 }, { stream }),
  trial('an event of 5 MiB', { kind: 'large-event', bytes: 5 * 1024 * 1024 }, { stream }),
  trial('10 MB of comments', { kind: 'comments', bytes: 10_000_000 }, { stream }),
];

/** What goes on for as long as anybody tries. */
const LASTING: readonly Trial[] = [
  trial(
    'nothing but resets',
    { kind: 'reset', when: 'before-headers' },
    { ...LASTS, ...refused(502) },
  ),
  trial(
    'nothing but pages, 503',
    { kind: 'answer', status: 503, headers: page, body: '<html>Unavailable</html>' },
    { ...LASTS, ...refused(503) },
  ),
  trial(
    'nothing but silence',
    { kind: 'stall', when: 'before-headers' },
    { ...LASTS, ...refused(504) },
  ),
  refusal('internal', { ...LASTS, ...passedOn(500) }, 'internal, each time'),
  refusal('key_limit', { ...LASTS, ...refused(429), setAside: 'key' }, 'key_limit, each key'),
];

/** Every fault of the fake OpenRouter's, once. */
export const TRIALS: readonly Trial[] = [
  ...Object.entries(REFUSALS).map(([family, options]) => refusal(family as ErrorFamily, options)),
  ...BEFORE_CONTENT,
  ...WITHIN_CONTENT,
  ...IN_DISGUISE,
  ...NO_HTTP,
  ...FIREWALL,
  ...DOCUMENTS,
  ...NO_FAULTS,
  ...LASTING,
  ...OF_ACCOUNTS,
  ...LARGE_BODIES,
];
