import { readRedisUrl, type KmsConfiguration } from '@openrouter-proxy/config';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import type { UsageTotals } from './usage-totals.ts';

/** The usage of other machines of the pool. */
export interface UsageSharing extends AsyncDisposable {
  /** The time of the last exchange; null before the first. */
  readonly sharedAt: number | null;
}

/** Starts sharing usage with the other machines of the pool. Null if the pool is not shared. */
export async function shareUsage(
  { redis }: KmsConfiguration,
  usage: UsageTotals,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<UsageSharing | null> {
  if (redis === null) return null;
  const url = readRedisUrl(redis.url.reveal());
  if ('problem' in url) return null; // the store has reported it already
  const { UsageExchange } = await import('./redis-exchange/usage-exchange.ts');
  return new UsageExchange({
    ...{ url: url.value, prefix: redis.prefix, usage, clock },
    onTrouble: (reason) => {
      if (reason === null) logger.info('usage is shared with other machines again');
      else {
        logger.warning(
          'usage is not shared with other machines: it is stored here and shared later',
          {
            reason,
          },
        );
      }
    },
  });
}
