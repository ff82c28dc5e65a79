/** What a client may do to a connection; times in milliseconds. */
export interface ServerTimeouts {
  /** How long a request's head may take. */
  headersTimeout: number;
  /** How long a whole request may take, its body included. */
  requestTimeout: number;
  /** The longest silence within a body. */
  bodyTimeout: number;
  /** How long a connection may wait for its next request. */
  keepAliveTimeout: number;
  /** How often the connections are looked through for these. */
  connectionsCheckingInterval: number;
}

/** The limits in force. */
export const SERVER_TIMEOUTS: ServerTimeouts = {
  headersTimeout: 15_000,
  requestTimeout: 300_000,
  bodyTimeout: 60_000,
  // Longer than a front proxy's idle time, so that it is never we who close a connection it reuses.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 1_000,
};
