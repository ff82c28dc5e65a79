/** Where a service listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a child tells the launcher, over Node's IPC channel, once it serves. */
export interface ReadyMessage {
  readonly ready: {
    /** Its TCP address; null if it has none. */
    readonly address: Address | null;
  };
}

/** Tells the launcher that this process serves. Does nothing in a process without an IPC channel. */
export function announceReady(address: Address | null): void {
  process.send?.({ ready: { address } } satisfies ReadyMessage);
}
