import { duplexPair, type Duplex } from 'node:stream';
import type { KmsServer } from './server.ts';

/** A connection to a server in the same process: for a client's `connect`, instead of a socket. */
export function connectInMemory(server: Pick<KmsServer, 'accept'>): Promise<Duplex> {
  const [near, far] = duplexPair();
  server.accept(far);
  return Promise.resolve(near);
}
