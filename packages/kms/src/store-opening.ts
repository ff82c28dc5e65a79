import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readRedisUrl, type KmsConfiguration } from '@openrouter-proxy/config';
import { EXIT, StartupError, type Clock, type Logger } from '@openrouter-proxy/runtime';
import { poolKeys } from './keys/key-records.ts';
import type { LeaseTableOptions } from './store/lease-table.ts';
import { accountMarks } from './store/redis/records/account-marks.ts';
import { RedisClock } from './store/redis/connection/redis-clock.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import type { StateStore } from './store/state-store.ts';

/** Options of the store. */
export interface StoreDeps extends Omit<LeaseTableOptions, 'windows'> {
  /** The current configuration: it may change while the store is open. */
  readonly configuration: () => KmsConfiguration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A store and its clock. */
export interface OpenedStore {
  readonly store: StateStore;
  readonly clock: Clock;
}

/** Opens the configured store. Throws a StartupError if it cannot be used. */
export async function openStore(parts: StoreDeps): Promise<OpenedStore> {
  const { configuration, clock } = parts;
  const local = openLocal(parts);
  const { redis } = configuration();
  if (redis === null) return { store: local, clock };
  try {
    return await openShared(parts, redis, local);
  } catch (error) {
    await local.close();
    throw isFileError(error) ? refusal(`cannot read ${error.path} (${error.code})`) : error;
  }
}

function openLocal({
  configuration,
  clock,
  logger,
  isOfThisLife,
  onInFlight,
}: StoreDeps): StateStore {
  return openSqliteStore({
    path: join(configuration().stateDir, 'kms.db'),
    now: clock.now(),
    isOfThisLife,
    onInFlight,
    onQuarantine: ({ path, kept }) =>
      logger.error('the state file was damaged: check which keys are to be disabled', {
        movedTo: path,
        recordsKept: kept,
      }),
  });
}

async function openShared(
  { configuration, clock: machineClock, logger, isOfThisLife, onInFlight }: StoreDeps,
  { url, prefix, onOutage: policy }: NonNullable<KmsConfiguration['redis']>,
  local: StateStore,
): Promise<OpenedStore> {
  const reading = readRedisUrl(url.reveal());
  if ('problem' in reading) throw refusal(reading.problem);
  const clock = new RedisClock(machineClock, () => performance.now());
  const marksOf = remembered((keys: KmsConfiguration['keys']) => accountMarks(poolKeys(keys)));
  // Loaded only for Redis, so that other services do not load the Redis library.
  const { openRedisStore } = await import('./store/redis/redis-store.ts');
  const store = await openRedisStore({
    ...{ url: reading.value, prefix, policy, local, clock, isOfThisLife, onInFlight },
    keyIds: poolKeys(configuration().keys).map(({ id }) => id),
    machine: { id: randomBytes(4).toString('hex'), name: hostname() },
    marks: () => marksOf(configuration().keys),
    onOutage: (outage) => {
      if (outage === null) logger.info('Redis reconnected; state synchronized');
      else logger.error('Redis is away', { reason: outage.reason, onOutage: policy });
    },
    onLocalFailure: (error) =>
      logger.error('changes of other machines could not be saved on this machine', { error }),
  });
  return { store, clock };
}

const refusal = (problem: string) =>
  new StartupError(EXIT.configuration, [`state.redis.url: ${problem}`]);

/** For example a certificate that cannot be read. */
function isFileError(error: unknown): error is { path: string; code: string } {
  return error instanceof Error && 'path' in error && 'code' in error;
}

/** Remembers the last result of a function of one argument. */
function remembered<A, R>(compute: (argument: A) => R): (argument: A) => R {
  let last: { readonly argument: A; readonly result: R } | undefined;
  return (argument) => {
    if (last?.argument !== argument) last = { argument, result: compute(argument) };
    return last.result;
  };
}
