import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StartupError } from './exit-code.ts';
import { receiveConfiguration } from './process-configuration.ts';

describe('the process configuration', () => {
  it('is the first line, however it is split into chunks', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), cuts, async (message, sizes) => {
        const input = new PassThrough();
        const received = receiveConfiguration(input);
        const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
        for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
          const size = sizes[piece % sizes.length] ?? 1;
          input.write(bytes.subarray(at, at + size));
          at += size;
        }
        expect(await received).toEqual(JSON.parse(bytes.toString()));
      }),
    );
  });

  it('leaves the stream open, and its end can be noticed', async () => {
    const input = new PassThrough();
    input.write('{}\n');
    await receiveConfiguration(input);
    expect(input.destroyed).toBe(false);
    const ended = new Promise((resolve) => input.once('end', resolve));
    input.resume().end();
    await ended;
  });

  it.each([
    ['nothing comes', ''],
    ['the line is not whole', '{"tokens":'],
  ])('is refused when %s', async (_case, text) => {
    const input = new PassThrough();
    input.end(text);
    await expect(receiveConfiguration(input)).rejects.toBeInstanceOf(StartupError);
  });

  it('is refused without quoting it when it is not JSON', async () => {
    const input = new PassThrough();
    input.write('{"canary":\n');
    const error: unknown = await receiveConfiguration(input).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    expect(JSON.stringify([String(error), (error as Error).cause])).not.toContain('canary');
  });

  it('is refused without an end of line', async () => {
    const input = new PassThrough();
    const received = receiveConfiguration(input);
    input.write('x'.repeat(9 * 1024 * 1024));
    await expect(received).rejects.toBeInstanceOf(StartupError);
  });
});
