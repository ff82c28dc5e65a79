import { expect, it } from 'vitest';
import { withoutDoneEvent } from './done-event.ts';

const STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
const DONE = 'event: data\ndata: [DONE]\n\n';
const left = (events: string) => withoutDoneEvent(Buffer.from(events)).toString();

it.each([
  [STOP + DONE, STOP],
  [DONE, ''],
  [DONE + STOP, STOP],
  [STOP, STOP],
  ['data: [DONE]\n\n', 'data: [DONE]\n\n'],
])('drops the event that Anthropic’s API does not have, and no other: %j', (events, expected) => {
  expect(left(events)).toBe(expected);
});
