/** Where a service listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The message of a ready child to the launcher, over Node's IPC channel. */
export interface ReadyMessage {
  readonly ready: {
    /** Its TCP address; null for a child without one. */
    readonly address: Address | null;
  };
}

/** Tells the launcher that this process is ready. Does nothing without an IPC channel. */
export function announceReady(address: Address | null): void {
  process.send?.({ ready: { address } } satisfies ReadyMessage);
}
