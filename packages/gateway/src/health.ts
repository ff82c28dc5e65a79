import {
  KmsError,
  type KmsClient,
  type LimitView,
  type Result,
} from '@openrouter-proxy/kms-protocol';

const STATUS_TIMEOUT_MS = 1_000;

/** The key service's status, or null when it does not answer. */
export type KmsStatus = Result<'service.status'> | null;

/** Asks the key service how it is. */
export async function kmsStatus(client: KmsClient): Promise<KmsStatus> {
  try {
    return await client.call('service.status', {}, { timeoutMs: STATUS_TIMEOUT_MS });
  } catch (error) {
    if (KmsError.is(error, 'UNAVAILABLE')) return null;
    throw error;
  }
}

const secondsUntil = (at: number, now: number) => Math.max(0, Math.ceil((at - now) / 1000));

/** What is wrong with the way to OpenRouter, and how long it is left alone. */
function blockedWords({ cause, until }: LimitView, now: number): string {
  const what =
    cause.reason === 'unauthorized'
      ? 'OpenRouter refuses every key (401)'
      : 'OpenRouter cannot be reached, or blocks this address';
  return `${what}: it is tried again in ${secondsUntil(until, now)} s`;
}

/** Why the gateway cannot serve as it should; empty when it can. Pure. */
export function degradedReasons(
  status: KmsStatus,
  draining: boolean,
  now: number,
): readonly string[] {
  if (draining) return ['the gateway is shutting down'];
  if (status === null) return ['the key service does not answer'];
  const reasons: string[] = [];
  const { keys, limits, nextAvailableAt, store } = status;
  const blocked = limits.find(({ scope }) => scope === 'upstream');
  if (blocked !== undefined) reasons.push(blockedWords(blocked, now));
  if (keys.available === 0) {
    const wait =
      nextAvailableAt === null
        ? 'all are disabled'
        : `the next returns in ${secondsUntil(nextAvailableAt, now)} s`;
    reasons.push(`no key can serve now: ${wait}`);
  }
  if (!store.healthy) reasons.push(store.trouble ?? 'the state store fails');
  return reasons;
}
