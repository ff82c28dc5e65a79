import { readRedisUrl, type KmsConfiguration } from '@openrouter-proxy/config';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import type { UsageTotals } from './usage-totals.ts';

/** The usage of other machines that share the pool, as far as it is known here. */
export interface UsageSharing extends AsyncDisposable {
  /** When it was read last; null: not yet. */
  readonly sharedAt: number | null;
}

/** Begins to share usage with the other machines of the pool; null: this machine is alone. */
export async function shareUsage(
  { redis }: KmsConfiguration,
  usage: UsageTotals,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<UsageSharing | null> {
  if (redis === null) return null;
  const url = readRedisUrl(redis.url.reveal());
  if ('problem' in url) return null; // the store has refused it already
  const { UsageExchange } = await import('./redis-exchange/usage-exchange.ts');
  return new UsageExchange({
    ...{ url: url.value, prefix: redis.prefix, usage, clock },
    onTrouble: (reason) => {
      if (reason === null) logger.info('usage is shared with the other machines again');
      else {
        logger.warning('usage is not shared with the other machines: it is kept and told later', {
          reason,
        });
      }
    },
  });
}
