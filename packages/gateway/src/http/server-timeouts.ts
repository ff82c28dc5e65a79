/** The time limits of a client's connection, in milliseconds. */
export interface ServerTimeouts {
  /** How long a request's head may take. */
  headersTimeout: number;
  /** How long a whole request may take, its body included. */
  requestTimeout: number;
  /** The longest silence within a body. */
  bodyTimeout: number;
  /** How long a connection may wait for its next request. */
  keepAliveTimeout: number;
  /** How often connections are checked against these limits. */
  connectionsCheckingInterval: number;
}

/** The limits in force. */
export const SERVER_TIMEOUTS: ServerTimeouts = {
  headersTimeout: 15_000,
  requestTimeout: 300_000,
  bodyTimeout: 60_000,
  // Longer than the idle time of a proxy in front, so that the gateway never closes a connection that the proxy reuses.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 1_000,
};
