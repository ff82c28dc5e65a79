import { duplexPair, type Duplex } from 'node:stream';
import type { KmsServer } from './server.ts';

/** A connection to a server in the same process: for a client's `connect`, instead of a socket. */
export function connectInMemory(server: Pick<KmsServer, 'accept'>): Promise<Duplex> {
  const [near, far] = duplexPair();
  server.accept(far);
  near.once('close', () => {
    // As with a socket, what was sent is still read; only then is it seen that nobody is there.
    if (far.readableEnded) far.destroy();
    else far.once('end', () => far.destroy());
  });
  return Promise.resolve(near);
}
