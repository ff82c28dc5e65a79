import type { HeldLease, Session } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { readLeaseId } from '../leasing/lease-id.ts';
import type { StateStore } from '../store/state-store.ts';

/**
 * Leases of a lost connection stay active for this long: the gateway may reconnect and name them.
 */
export const LINGER_MS = 5_000;

/** Options of the sessions. */
export interface GatewaySessionsOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly leaseTtlMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** The connected gateways and their leases. */
export class GatewaySessions {
  readonly #options: GatewaySessionsOptions;
  readonly #connected = new Set<number>();
  readonly #waiting = new Set<() => void>();

  constructor(options: GatewaySessionsOptions) {
    this.#options = options;
  }

  /** Adopts the leases that a new session names. */
  async opened(session: Session, leases: readonly HeldLease[]): Promise<void> {
    if (session.role !== 'gateway') return;
    this.#connected.add(session.id);
    const { store, clock, leaseTtlMs } = this.#options;
    const now = clock.now();
    const held = leases.map(({ leaseId, expiresAt }) => ({
      leaseId,
      keyId: readLeaseId(leaseId).keyId,
      expiresAt: Math.min(expiresAt, now + leaseTtlMs()),
    }));
    await store.adopt(held, session.id, now);
  }

  /** Shortens the leases of an ended session, unless its gateway reconnects. */
  ended(session: Session): void {
    if (!this.#connected.delete(session.id)) return;
    const { store, clock, onError } = this.#options;
    store.shorten(session.id, clock.now() + LINGER_MS).catch(onError);
    if (this.#connected.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves when no gateway is connected, or after `graceMs`. */
  async allGone(graceMs: number): Promise<void> {
    if (this.#connected.size === 0) return;
    const gone = Promise.withResolvers<undefined>();
    const resolve = () => gone.resolve(undefined);
    const timer = new AbortController();
    this.#waiting.add(resolve);
    await Promise.race([gone.promise, this.#options.clock.sleep(graceMs, timer.signal)]);
    timer.abort();
    this.#waiting.delete(resolve);
  }
}
