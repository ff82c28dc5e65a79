import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What becomes of the way to a server: bytes pass, or are kept back, or connections are cut. */
type Way = 'open' | 'silent' | 'cut';

/** A way to a server that can be cut. */
export interface TcpForwarder {
  readonly port: number;
  set(way: Way): void;
  close(): Promise<void>;
}

/** Opens a way to a port of this machine. */
export async function startForwarder(target: number): Promise<TcpForwarder> {
  let way: Way = 'open';
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    if (way === 'cut') {
      client.destroy();
      return;
    }
    const pair = [client, connect(target, '127.0.0.1')] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, pair.toReversed() as [Socket, Socket]]) {
      from.on('error', () => undefined); // its end is told by `close`
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
      from.pipe(to);
      if (way === 'silent') from.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port, // a listening TCP server has one
    set(next) {
      way = next;
      for (const [client, upstream] of pairs) {
        if (way === 'cut') client.destroy();
        else if (way === 'silent') [client, upstream].forEach((socket) => socket.pause());
        else [client, upstream].forEach((socket) => socket.resume());
      }
    },
    async close() {
      for (const [client] of pairs) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
