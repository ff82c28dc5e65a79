/** A piece of a stream as it stands on the wire, and whether it carries content of the answer. */
export interface StreamEvent {
  text: string;
  isContent: boolean;
}

/** An event without a name. */
export function dataEvent(data: unknown, isContent = false): StreamEvent {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return { text: `data: ${text}\n\n`, isContent };
}

/** An event with a name. */
export function namedEvent(name: string, data: unknown, isContent = false): StreamEvent {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return { text: `event: ${name}\ndata: ${text}\n\n`, isContent };
}

/** A comment, which keeps the connection alive and says nothing. */
export function comment(text: string): StreamEvent {
  return { text: `: ${text}\n\n`, isContent: false };
}

/** What an API answers: whole, in events, and how it says an error within a stream. */
export interface ApiAnswer {
  json: object;
  events: StreamEvent[];
  /** What is sent while the model has not begun. */
  keepAlive: StreamEvent;
  streamError(code: number, message: string): StreamEvent;
  /** An event with content of so many bytes. */
  largeEvent(bytes: number): StreamEvent;
}
