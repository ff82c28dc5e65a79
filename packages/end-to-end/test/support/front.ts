import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions } from 'node:tls';
import type { FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { onTestFinished } from 'vitest';

/** What stands between the product and a fake OpenRouter, and can be taken away. */
export interface Front {
  /** Base URL of the fake, as it is reached through here. */
  readonly url: string;
  /** Nobody listens any more, and what was connected is cut. */
  cut(): Promise<void>;
  /** Listens again at the same place; with TLS, with this certificate. */
  mend(certificate?: SecureContextOptions): Promise<void>;
}

/** Puts a front before a fake until the test is over; with a certificate it speaks TLS. */
export async function startFront(
  fake: FakeOpenRouter,
  certificate?: SecureContextOptions,
): Promise<Front> {
  const front = await openFront(fake, certificate);
  onTestFinished(() => front.cut());
  return front;
}

/** The same, until the caller cuts it. */
export async function openFront(
  fake: FakeOpenRouter,
  certificate?: SecureContextOptions,
): Promise<Front> {
  const sockets = new Set<Socket>();
  const pass = (socket: Socket) => {
    const behind = connect(fake.port, '127.0.0.1');
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => other.destroy())
        .once('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  };
  let server: Server | undefined;
  let port = 0;
  const cut = async () => {
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    server = undefined;
    await closed;
  };
  const mend = async (renewed?: SecureContextOptions) => {
    await cut();
    server = renewed === undefined ? createServer(pass) : createTlsServer(renewed, pass);
    server.on('tlsClientError', () => undefined); // the other side does not trust it
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port; // a listening TCP server has one
  };
  await mend(certificate);
  const scheme = certificate === undefined ? 'http' : 'https';
  return { url: `${scheme}://127.0.0.1:${port}/api/v1`, cut, mend };
}
