import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';
import type { ServerTimeouts } from './server-timeouts.ts';

const MALFORMED: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

/** Answers input that is no request, and ends the connection. */
function endWith(status: string, socket: Duplex): void {
  const id = randomUUID();
  const body = JSON.stringify({
    error: {
      code: Number.parseInt(status, 10),
      message: 'The request is not valid HTTP, not served here, too large, or too slow.',
      type: 'invalid_request_error',
      metadata: { source: 'gateway', request_id: id },
    },
  });
  const head = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-ID: ${id}`,
    'X-Process-Time: 0.000000',
    'X-Proxy-Attempts: 0',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/**
 * Answers malformed, too large and unfinished requests, and ends the connection. Nothing is answered
 * twice, and no request gets the answer to another one's fault.
 */
function refuseMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex & { _httpMessage?: ServerResponse | null },
): void {
  const { _httpMessage: response } = socket;
  const isAnswered = response != null && (response.headersSent || response.req.complete);
  if (!socket.writable || isAnswered) socket.destroy();
  else endWith(MALFORMED[error.code ?? ''] ?? '400 Bad Request', socket);
}

/**
 * Closes connections at the end of their last answer once the server has stopped listening. Node's
 * own `closeIdleConnections`, which `close` calls, treats a connection as idle as soon as `end` was
 * called on its answer, and cuts off the bytes that have not been sent yet.
 */
function closeOnlyWhatIsIdle(server: Server): void {
  const underWay = new Map<Socket, number>();
  const change = (socket: Socket, by: number) => {
    const count = underWay.get(socket);
    if (count !== undefined) underWay.set(socket, count + by);
  };
  const closeIfIdle = (socket: Socket) => {
    if (underWay.get(socket) === 0) socket.destroySoon();
  };
  server.on('connection', (socket) => {
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    change(socket, 1);
    response.once('close', () => {
      change(socket, -1);
      if (!server.listening) closeIfIdle(socket);
    });
  });
  server.closeIdleConnections = () => underWay.forEach((_count, socket) => closeIfIdle(socket));
}

/** Creates the HTTP server; it does not listen yet. */
export function createGatewayServer(handler: RequestListener, limits: ServerTimeouts): Server {
  const server = createServer(
    {
      ...limits,
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false, // admission counts Host headers and answers in the API's shape
    },
    handler,
  );
  server.maxHeadersCount = 0; // Node would drop further headers silently; admission counts them
  server.on('clientError', refuseMalformed);
  server.on('connect', (_request, socket) => endWith('405 Method Not Allowed', socket));
  // Node would answer 100 or 417 before the request is admitted.
  for (const event of ['checkContinue', 'checkExpectation']) {
    server.on(event, (request, response) => server.emit('request', request, response));
  }
  closeOnlyWhatIsIdle(server);
  return server;
}

/** Listens, and gives the bound address. A taken or forbidden port is a StartupError. */
export async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new StartupError(EXIT.configuration, [listenProblem(host, port, cause)], { cause });
  }
  return server.address() as AddressInfo; // a listening TCP server has one
}

function listenProblem(host: string, port: number, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `${host}:${port} is taken by another program: stop that program, or choose another with \`server.port\`, or with PORT or \`--port\`, which come before it`;
    case 'EACCES':
      return `this user may not listen on port ${port}: choose one above 1023 with \`server.port\`, or with PORT or \`--port\`, which come before it`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine: choose another with \`server.host\`, or with \`--host\`, which comes before it`;
    default:
      return `cannot listen on ${host}:${port} (${String(cause)})`;
  }
}

/** How long clients may take to read the last error, before their connections are closed. */
const LAST_WORDS_MS = 500;

/** Stops accepting connections, waits up to `graceMs` for the running requests, then cuts off the rest. */
export async function drainServer(
  server: Server,
  graceMs: number,
  cutOff: () => void,
): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const over = setTimeout(cutOff, graceMs);
  const end = setTimeout(() => server.closeAllConnections(), graceMs + LAST_WORDS_MS);
  await closed;
  clearTimeout(over);
  clearTimeout(end);
}
