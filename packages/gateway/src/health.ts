import { KmsError, type KmsClient, type Result } from '@openrouter-proxy/kms-protocol';

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

/** Why the gateway cannot serve as it should; empty when it can. Pure. */
export function degradedReasons(
  status: KmsStatus,
  draining: boolean,
  now: number,
): readonly string[] {
  if (draining) return ['the gateway is shutting down'];
  if (status === null) return ['the key service does not answer'];
  const reasons: string[] = [];
  const { keys, nextAvailableAt, store } = status;
  if (keys.available === 0) {
    const wait =
      nextAvailableAt === null
        ? 'all are disabled'
        : `the next returns in ${Math.max(0, Math.ceil((nextAvailableAt - now) / 1000))} s`;
    reasons.push(`no key can serve now: ${wait}`);
  }
  if (!store.healthy) reasons.push(store.trouble ?? 'the state store fails');
  return reasons;
}
