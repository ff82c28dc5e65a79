import { once } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../exchange/exchange.ts';
import type { Fault } from '../faults/fault-rules.ts';
import type { ApiAnswer, StreamEvent } from './sse.ts';
import { StreamWire } from './stream-wire.ts';

/** Stays silent until the client has had enough. */
async function stall(exchange: Exchange): Promise<void> {
  if (!exchange.response.destroyed) await once(exchange.response, 'close');
}

/** Carries out a fault of the connection. */
export async function breakOff(exchange: Exchange, kind: 'stall' | 'end' | 'reset'): Promise<void> {
  if (kind === 'stall') {
    await stall(exchange);
    return;
  }
  await turn(); // what was written in this turn leaves with its end
  exchange.cut(kind);
}

/** After how many events with content a fault breaks the stream; undefined if it does not. */
function breakingPoint(fault: Fault | undefined): number | undefined {
  switch (fault?.kind) {
    case 'stream-error':
      return fault.events;
    case 'stall':
    case 'end':
    case 'reset':
      return typeof fault.when === 'object' ? fault.when.events : undefined;
    default:
      return undefined;
  }
}

/** Whether the stream breaks before an event, when `sent` events with content have gone. */
function breaksHere(fault: Fault, event: StreamEvent, sent: number): boolean {
  if (fault.kind === 'no-done')
    return /\[DONE\]|"usage":\{"(prompt|input)_tokens":[1-9]/.test(event.text);
  const point = breakingPoint(fault);
  return point !== undefined && sent >= point && (event.isContent || sent > 0);
}

/** What a fault of one stream works with. */
interface Sending {
  readonly exchange: Exchange;
  readonly api: ApiAnswer;
  readonly wire: StreamWire;
  /** The events that have not been sent. */
  readonly rest: readonly StreamEvent[];
}

async function misbehave(fault: Fault, { exchange, api, wire, rest }: Sending): Promise<void> {
  switch (fault.kind) {
    case 'stream-error': {
      const { code = 502, message = 'Provider disconnected mid-stream', goesOn = false } = fault;
      const others = goesOn ? rest.map(({ text }) => text).join('') : '';
      await wire.write(api.streamError(code, message).text + others);
      wire.end();
      return;
    }
    case 'stall':
    case 'end':
    case 'reset':
      await breakOff(exchange, fault.kind);
      return;
    default:
      wire.end();
  }
}

const COMMENT = `: ${'x'.repeat(1_000)}\n\n`;

async function sendComments(wire: StreamWire, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += COMMENT.length) {
    if (!(await wire.write(COMMENT))) return;
  }
}

function eventsOf(api: ApiAnswer, fault: Fault | undefined): readonly StreamEvent[] {
  switch (fault?.kind) {
    case 'empty':
      return api.events.filter(({ isContent }) => !isContent);
    case 'large-event': {
      const first = api.events.findIndex(({ isContent }) => isContent);
      return api.events.toSpliced(first, 0, api.largeEvent(fault.bytes));
    }
    default:
      return api.events;
  }
}

/** Sends an answer as a stream of events, with what the fault makes of it. */
export async function sendStream(
  exchange: Exchange,
  api: ApiAnswer,
  fault: Fault | undefined,
): Promise<void> {
  let sent = 0;
  const wire = new StreamWire(exchange, fault);
  const eventMs = fault?.kind === 'delay' ? (fault.eventMs ?? 0) : 0;
  const events = eventsOf(api, fault);
  if (fault?.kind === 'comments') await sendComments(wire, fault.bytes);
  for (const [index, event] of events.entries()) {
    if (fault !== undefined && breaksHere(fault, event, sent)) {
      await misbehave(fault, { exchange, api, wire, rest: events.slice(index) });
      return;
    }
    if (eventMs > 0) await sleep(eventMs);
    if (!(await wire.write(event.text, index === events.length - 1))) return;
    exchange.record.events += 1;
    if (event.isContent) sent += 1;
  }
  wire.end();
}
