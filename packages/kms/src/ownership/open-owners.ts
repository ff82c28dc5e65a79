import { join } from 'node:path';
import { readRedisUrl, type KmsConfiguration } from '@openrouter-proxy/config';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import { openObjectFile } from './object-file.ts';
import { ObjectOwners, type ObjectOwnersListener } from './object-owners.ts';
import type { SharedObjects } from './shared-objects.ts';

/** Opens the owners of objects: the file of this machine and, where it is configured, what Redis has. */
export async function openOwners(
  { stateDir, redis }: Pick<KmsConfiguration, 'stateDir' | 'redis'>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<ObjectOwners> {
  const file = openObjectFile(join(stateDir, 'objects.db'), clock.now(), (movedTo) =>
    logger.warning('the file of object owners was damaged and was replaced', { movedTo }),
  );
  const owners: ObjectOwners = new ObjectOwners({
    ...{ file, clock, listener: ownersListener(logger) },
    shared: await openShared(redis, () => void owners.write()),
  });
  return owners;
}

/** The owners in Redis; null: this machine is alone. */
async function openShared(
  redis: KmsConfiguration['redis'],
  onReady: () => void,
): Promise<SharedObjects | null> {
  if (redis === null) return null;
  const url = readRedisUrl(redis.url.reveal());
  if ('problem' in url) return null; // the store has refused it already
  // Most services are alone: they need not load the library for Redis.
  const { SharedObjects } = await import('./shared-objects.ts');
  return new SharedObjects(url.value, redis.prefix, onReady);
}

const ownersListener = (logger: Logger): ObjectOwnersListener => ({
  onUnshared: (isUnshared, error) => {
    if (!isUnshared) logger.info('owners of objects are shared with other machines again');
    else logger.warning('owners of objects are not shared until Redis returns', { error });
  },
  onNotKept: (error) =>
    logger.error('owners of objects could not be written and stay in memory', { error }),
});
