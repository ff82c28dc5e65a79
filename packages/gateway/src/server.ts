import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';

/** Limits on what a client may do to a connection; times in milliseconds. */
const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  requestTimeout: 300_000,
  // Longer than a front proxy's idle time, so that it is never we who close a connection it reuses.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: false, // admission counts Host headers and answers in the API's shape
} as const;

const MALFORMED: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

/** Answers what is not HTTP and ends the connection; nothing is answered twice. */
function refuseMalformed(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: object },
): void {
  if (!socket.writable || socket._httpMessage != null) {
    socket.destroy();
    return;
  }
  const status = MALFORMED[error.code ?? ''] ?? '400 Bad Request';
  const code = Number.parseInt(status, 10);
  const body = JSON.stringify({
    error: {
      code,
      message: 'The request is not valid HTTP, too large, or too slow.',
      type: 'invalid_request_error',
      metadata: { source: 'gateway' },
    },
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Creates the HTTP server; it does not listen yet. */
export function createGatewayServer(handler: RequestListener): Server {
  const server = createServer(LIMITS, handler);
  server.maxHeadersCount = 0; // Node would drop the surplus in silence; admission counts
  server.on('clientError', refuseMalformed);
  server.on('connection', (socket) => socket.setNoDelay(true));
  return server;
}

/** Listens, and gives the address that was bound. A taken or forbidden port is a StartupError. */
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
      return `server.port: ${host}:${port} is taken by another program; choose another port or stop that program`;
    case 'EACCES':
      return `server.port: this user may not listen on port ${port}; choose one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `server.host: ${host} is not an address of this machine`;
    default:
      return `server.host, server.port: cannot listen on ${host}:${port} (${String(cause)})`;
  }
}

/** Stops accepting, lets what is under way finish within `graceMs`, then cuts what is left. */
export async function drainServer(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
