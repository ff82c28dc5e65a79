import { operatorOf } from '../../support/operator.ts';
import { startSystem, type System } from '../../support/system.ts';
import { family } from '../../support/processes.ts';
import type { KmsClient } from '@openrouter-proxy/kms-protocol';
import { makeNetwork, type Host } from './network.ts';
import { startRedis, type RedisAt } from './redis.ts';
import { startUpstream, type UpstreamAt } from './upstream.ts';

/** An installation on a host of its own. */
export interface Machine {
  readonly host: Host;
  readonly system: System;
  readonly operator: KmsClient;
  /** Ends all of its processes at once, as a power cut would. */
  kill(): void;
}

/** Installations that share a pool of keys, and what they need: each thing on a host of its own. */
export interface Pool {
  readonly redis: RedisAt;
  readonly upstream: UpstreamAt;
  readonly machines: readonly Machine[];
}

/** What a pool is made of. */
export interface PoolOptions {
  readonly machines: number;
  readonly keys: number;
  readonly onOutage?: 'static' | 'open' | 'closed';
  /** Beyond what all have in common, of the section `openrouter`. */
  readonly openrouter?: Record<string, unknown>;
  /** How many requests a key may have under way. */
  readonly maxConcurrency?: number;
  /** Puts what runs on a host under other conditions. */
  readonly at?: (host: Host) => Host;
}

/** Starts a pool; it is gone when the test is over. */
export async function startPool(options: PoolOptions): Promise<Pool> {
  const network = await makeNetwork();
  const at = options.at ?? ((host: Host) => host);
  const redis = await startRedis(at(await network.addHost('redis')));
  const upstream = await startUpstream(at(await network.addHost('upstream')), options.keys);
  const machines: Machine[] = [];
  for (let n = 1; n <= options.machines; n += 1) {
    const host = at(await network.addHost(`machine${n}`));
    machines.push(await startMachine(host, { redis, upstream }, options));
  }
  return { redis, upstream, machines };
}

async function startMachine(
  host: Host,
  { redis, upstream }: Pick<Pool, 'redis' | 'upstream'>,
  { onOutage = 'static', openrouter = {}, maxConcurrency }: PoolOptions,
): Promise<Machine> {
  const system = await startSystem({
    within: host.within,
    settings: {
      server: { host: host.address, log_level: 'INFO', http_log_level: 'ERROR' },
      openrouter: {
        base_url: upstream.url,
        keys: upstream.keys.map(({ name, secret }) => ({
          name,
          key: secret,
          max_concurrency: maxConcurrency,
        })),
        ...openrouter,
      },
      state: { backend: 'redis', redis: { url: redis.url, on_outage: onOutage } },
    },
  });
  return {
    host,
    system,
    operator: await operatorOf(system),
    kill() {
      for (const { pid } of family(system.launcher)) process.kill(pid, 'SIGKILL');
    },
  };
}
