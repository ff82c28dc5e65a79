import type { Keepalive, WaitReason } from '../answer/keepalive.ts';
import type { Acquired } from '../key-service/leases.ts';
import type { Cancellation } from '../request/cancellation.ts';
import type { RequestContext } from '../response/request-context.ts';
import type { ForwardDeps } from './forward-deps.ts';
import { leaseRequest, type LeaseWish } from './request-reading.ts';

/** What a wait for a lease ends by, and tells. */
interface Waiting {
  readonly keepalive: Keepalive;
  readonly cancellation: Cancellation;
  /** What the client hears that it waits for once there is a lease; null: nothing. */
  readonly waitedFor: WaitReason | null;
}

/** Asks the key service for a lease, waits for one as long as the settings allow, and records the time. */
export async function acquireLease(
  { leases, settings, metrics }: ForwardDeps,
  context: RequestContext,
  wish: Omit<LeaseWish, 'waitMs'>,
  { keepalive, cancellation, waitedFor }: Waiting,
): Promise<Acquired> {
  const { progress } = context;
  const startedAt = performance.now();
  const { queueTimeoutMs } = settings.forwarding;
  const waitMs = Math.floor(Math.max(0, Math.min(queueTimeoutMs, wish.patienceMs)));
  if (waitMs > 0) keepalive.waitsFor('a key');
  const acquired = await leases.acquire(
    leaseRequest(context, { ...wish, waitMs }),
    cancellation.signal,
  );
  const tookMs = performance.now() - startedAt;
  keepalive.waitsFor(waitedFor);
  progress.leaseAsked(tookMs);
  if (acquired.kind === 'lease') {
    progress.leased(acquired.lease);
    metrics.leased(tookMs);
  }
  return acquired;
}
