import type { HeldLease, Session } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { readLeaseId } from '../leasing/lease-id.ts';
import type { StateStore } from '../store/state-store.ts';

/** How long the leases of a lost connection stay in force: its gateway may come back and name them. */
export const LINGER_MS = 5_000;

/** What the sessions are made of. */
export interface GatewaySessionsOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly leaseTtlMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** The gateways that are connected, and their hold on their leases. */
export class GatewaySessions {
  readonly #options: GatewaySessionsOptions;
  readonly #connected = new Set<number>();
  readonly #waiting = new Set<() => void>();

  constructor(options: GatewaySessionsOptions) {
    this.#options = options;
  }

  /** A session begins; the leases it names are its own from now on. */
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

  /** A session has ended, and its leases will soon, unless its gateway comes back for them. */
  ended(session: Session): void {
    if (!this.#connected.delete(session.id)) return;
    const { store, clock, onError } = this.#options;
    store.shorten(session.id, clock.now() + LINGER_MS).catch(onError);
    if (this.#connected.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves when no gateway is connected any more, or after `graceMs`. */
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
