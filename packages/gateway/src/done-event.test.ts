import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withoutDoneEvent } from './done-event.ts';

const DONE = 'event: data\ndata: [DONE]\n\n';
const STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

/** What is left of a text that comes in pieces cut at these places. */
function filtered(text: string, cuts: readonly number[]): string {
  const filter = withoutDoneEvent();
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  places.sort((a, b) => a - b);
  const pieces = places.slice(1).map((end, i) => filter.push(bytes.subarray(places[i], end)));
  return Buffer.concat([...pieces, filter.rest()]).toString();
}

it('drops the event that Anthropic’s API does not have, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(500)), (cuts) => {
      expect(filtered(STOP + DONE, cuts)).toBe(STOP);
    }),
  );
});

it('leaves every other stream as it is', () => {
  const pieces = fc.constantFrom(
    STOP,
    'event: data\n',
    'data: {"text":"[DONE]"}\n\n',
    'data: ',
    '€',
  );
  fc.assert(
    fc.property(fc.array(pieces), fc.array(fc.nat(500)), (parts, cuts) => {
      const text = parts.join('');
      expect(filtered(text, cuts)).toBe(text);
    }),
  );
});

it('holds nothing back of an event that is whole', () => {
  const filter = withoutDoneEvent();
  expect(filter.push(Buffer.from(STOP)).toString()).toBe(STOP);
  expect(filter.rest()).toHaveLength(0);
});
