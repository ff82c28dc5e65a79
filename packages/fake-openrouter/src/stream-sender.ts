import { once } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from './exchange.ts';
import type { Fault } from './fault-rules.ts';
import type { ApiAnswer, StreamEvent } from './sse.ts';

async function write(exchange: Exchange, text: string, fault: Fault | undefined): Promise<boolean> {
  const { response } = exchange;
  const framing = fault?.kind === 'framing' ? fault : undefined;
  const bytes = Buffer.from(framing?.crlf === true ? text.replaceAll('\n', '\r\n') : text);
  const size = framing?.chunkBytes ?? bytes.length;
  for (let at = 0; at < bytes.length; at += size) {
    if (response.destroyed) return false;
    if (!response.write(bytes.subarray(at, at + size))) {
      await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
  }
  return !response.destroyed;
}

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

async function misbehave(exchange: Exchange, fault: Fault, api: ApiAnswer): Promise<void> {
  switch (fault.kind) {
    case 'stream-error': {
      const { code = 502, message = 'Provider disconnected mid-stream' } = fault;
      await write(exchange, api.streamError(code, message).text, fault);
      exchange.response.end();
      return;
    }
    case 'stall':
    case 'end':
    case 'reset':
      await breakOff(exchange, fault.kind);
      return;
    default:
      exchange.response.end();
  }
}

/** Sends an answer as a stream of events, with what the fault makes of it. */
export async function sendStream(
  exchange: Exchange,
  api: ApiAnswer,
  fault: Fault | undefined,
): Promise<void> {
  let sent = 0;
  const eventMs = fault?.kind === 'delay' ? (fault.eventMs ?? 0) : 0;
  const events = fault?.kind === 'empty' ? api.events.filter((e) => !e.isContent) : api.events;
  for (const event of events) {
    if (fault !== undefined && breaksHere(fault, event, sent)) {
      await misbehave(exchange, fault, api);
      return;
    }
    if (eventMs > 0) await sleep(eventMs);
    if (!(await write(exchange, event.text, fault))) return;
    exchange.record.events += 1;
    if (event.isContent) sent += 1;
  }
  exchange.response.end();
}
