import { describe, expect, it } from 'vitest';
import { startTestGateway } from './support/gateway.ts';
import {
  chunk,
  chunkedHead,
  startRecordingUpstream,
  type Script,
} from './support/recording-upstream.ts';
import { sdkCalls } from './support/sdk-calls.ts';
import { BEGINNINGS, ENDS, event, isStreamed, type StreamedApi } from './support/sdk-streams.ts';
import { parseTarget } from '../src/http/request-target.ts';

const WORDS = 'Provider disconnected mid-stream';
const METADATA = { error_type: 'provider_unavailable' };
const STREAMED = sdkCalls('none').filter(({ streamed }) => streamed);

/** OpenRouter's error events (OpenRouter docs, "Errors and debugging"). */
const ERRORS: Readonly<Record<StreamedApi, string>> = {
  chat: event({
    ...{ id: 'gen-1', object: 'chat.completion.chunk', created: 1, model: 'a/b' },
    error: { code: 502, message: WORDS, metadata: METADATA },
    choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
  }),
  completions: event({
    ...{ id: 'gen-1', object: 'text_completion', created: 1, model: 'a/b' },
    error: { code: 502, message: WORDS, metadata: METADATA },
    choices: [],
  }),
  messages: event(
    {
      type: 'error',
      error: { type: 'overloaded_error', message: WORDS, error_type: 'provider_overloaded' },
    },
    'error',
  ),
  responses: event({
    type: 'error',
    ...{ sequence_number: 4, code: 'server_error', message: WORDS, param: null },
  }),
};

/** Answers every request with a stream of its API. */
function streaming(ends: Readonly<Record<StreamedApi, string>>): Script {
  return async (connection) => {
    for (let index = 0; ; index += 1) {
      const request = await connection.message(index);
      if (!request.complete) return;
      const target = parseTarget(request.startLine.split(' ')[1] ?? '');
      const api = target.kind === 'api' ? target.api : null;
      if (!isStreamed(api)) return;
      connection.send(chunkedHead() + chunk(BEGINNINGS[api] + ends[api]) + chunk(''));
    }
  };
}

describe.each(STREAMED)('a stream for $name', ({ run }) => {
  it('is complete with the last event of its API, whenever the client leaves', async () => {
    const upstream = await startRecordingUpstream(streaming(ENDS));
    const gateway = await startTestGateway(upstream.url);
    expect(await run(gateway.url)).toBe('Hello');
    await expect.poll(() => gateway.records[0]).toMatchObject({ verdict: 'complete' });
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
  });

  it('is an error where OpenRouter ends it with an error event', async () => {
    const upstream = await startRecordingUpstream(streaming(ERRORS));
    const gateway = await startTestGateway(upstream.url);
    await expect(run(gateway.url)).rejects.toThrow(WORDS);
    await expect.poll(() => gateway.records[0]).toMatchObject({ verdict: 'error' });
  });
});
