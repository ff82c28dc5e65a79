import { describe, expect, it } from 'vitest';
import { generationUsage, readUsage } from './usage-readers.ts';

const read = (source: Parameters<typeof readUsage>[0], document: unknown) =>
  readUsage(
    source,
    Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
  );
const usage = (given: object) => ({
  kind: 'known',
  usage: { sent: 0, received: 0, cached: 0, reasoning: 0, cost: 0, ...given },
});

describe('the cost of', () => {
  it.each([
    [
      'rerank',
      { results: [], usage: { cost: 0.002, search_units: 1, total_tokens: 20 } },
      { sent: 20, cost: 0.002 },
    ],
    ['a transcription', { text: 'x', usage: { cost: 0.006, seconds: 1.5 } }, { cost: 0.006 }],
    [
      'an image',
      {
        data: [],
        usage: { prompt_tokens: 10, completion_tokens: 1290, total_tokens: 1300, cost: 0.04 },
      },
      { sent: 10, received: 1290, cost: 0.04 },
    ],
    [
      'systemone',
      { answers: {}, usage: { input_tokens: 30, output_tokens: 2, cost: 0.001 } },
      { sent: 30, received: 2, cost: 0.001 },
    ],
    [
      'a stream of images',
      'data: {"type":"image_generation.completed","usage":{"prompt_tokens":1,"completion_tokens":2,"cost":0.5}}\n\ndata: [DONE]\n\n',
      { sent: 1, received: 2, cost: 0.5 },
    ],
  ])('%s stands in its answer', (_what, document, expected) => {
    expect(read('document', document)).toEqual(usage(expected));
  });

  it('an answer that does not say it is unknown', () => {
    expect(read('document', { text: 'x' })).toEqual({ kind: 'unknown' });
    expect(read('unknown', '<html>')).toEqual({ kind: 'unknown' });
  });

  it('a video stands in the completed job', () => {
    expect(read('job', { status: 'in_progress' })).toEqual({ kind: 'pending' });
    expect(read('job', { status: 'completed', usage: { cost: 0.5, is_byok: false } })).toEqual(
      usage({ cost: 0.5 }),
    );
    expect(read('job', { status: 'completed' })).toEqual({ kind: 'unknown' });
    expect(read('job', { status: 'failed' })).toEqual({ kind: 'none' });
    expect(read('job', 'cut {')).toEqual({ kind: 'unknown' });
  });

  it('speech is asked for at its generation', () => {
    expect(read('generation', 'RIFF')).toEqual({ kind: 'pending' });
    const data = { total_cost: 0.015, tokens_prompt: 12, tokens_completion: null };
    expect(generationUsage({ data })).toMatchObject({ sent: 12, received: 0, cost: 0.015 });
    expect(generationUsage({ error: {} })).toBeNull();
    expect(generationUsage(null)).toBeNull();
  });
});
