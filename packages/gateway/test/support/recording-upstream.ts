import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Message } from './http-message.ts';
import { RawConnection } from './raw-connection.ts';

/** How a scripted upstream behaves on each of its connections, counted from 0. */
export type Script = (connection: RawConnection, index: number) => unknown;

/** A raw TCP server that records every byte it is sent and answers as its script says. */
export interface RecordingUpstream {
  /** Of OpenRouter's API on it. */
  url: string;
  port: number;
  connections: RawConnection[];
  /** Every byte of every connection. */
  received(): string;
  /** Every complete request, in the order of the connections. */
  requests(): Message[];
}

/** A response with a length. */
export function response(status: string, body = '', headers: string[] = []): string {
  const lines = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** An answer that is a success for every API. */
export const OK = response('200 OK', '{"ok":true}', ['Content-Type: application/json']);

/** OpenRouter's refusal of a key that has been used too often. */
export const TOO_MANY = response(
  '429 Too Many Requests',
  '{"error":{"message":"Too many","code":429}}',
  ['Content-Type: application/json'],
);

/** The head of a chunked response. */
export function chunkedHead(contentType = 'text/event-stream'): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\nTransfer-Encoding: chunked\r\n\r\n`;
}

/** One chunk. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** A script that gives every request the next of `answers`, and the last one from then on. */
export function answering(...answers: (string | Buffer)[]): Script {
  let turn = 0;
  return async (connection) => {
    for (let index = 0; ; index += 1) {
      if (!(await connection.message(index)).complete) return;
      connection.send(answers[Math.min(turn++, answers.length - 1)] ?? '');
    }
  };
}

/** Starts one, at a port of its own choice unless told; everything it holds is closed when the test is over. */
export async function startRecordingUpstream(script: Script, at = 0): Promise<RecordingUpstream> {
  const connections: RawConnection[] = [];
  const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
    const connection = new RawConnection(socket, 'request');
    const index = connections.push(connection) - 1;
    // A script's connection may end under it: what that means is seen in what was recorded.
    Promise.resolve(script(connection, index)).catch(() => undefined);
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const { socket } of connections) socket.destroy();
    await closed;
  });
  return {
    url: `http://127.0.0.1:${port}/api/v1`,
    port,
    connections,
    received: () => connections.map(({ received }) => received).join(''),
    requests: () => connections.flatMap(({ reader }) => reader.messages),
  };
}
