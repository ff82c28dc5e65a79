import { isLoopbackHost } from './loopback-host.ts';
import { accessKeyEntry, serverSection } from '../schema/server-section.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { valueAt, type Path } from '../values/value-path.ts';

/** Fewer characters can be guessed over a network. */
const SHORTEST_STRONG_KEY = 16;

/** Whether an access key can be guessed. */
export const isWeakAccessKey = (key: string): boolean => key.length < SHORTEST_STRONG_KEY;

/**
 * Describes the problem of a weak access key. `reachableHost` is null if only this machine can connect;
 * `hostPlace` names the place that sets the host, such as `--host`.
 */
export function weakKeyWords(reachableHost: string | null, hostPlace = 'server.host'): string {
  const how = 'make a longer one with `openssl rand -hex 32`';
  const what = `has fewer than ${SHORTEST_STRONG_KEY} characters`;
  return reachableHost === null
    ? `${what} and is easy to guess: ${how}`
    : `${what}, and \`${hostPlace}\` ${reachableHost} lets other machines guess it: ${how}`;
}

/** Weak access keys: problems where other machines reach the gateway, warnings elsewhere. */
export interface WeakAccessKeys {
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/**
 * Finds access keys that are too short. It reads the raw value and skips parts that the schema refuses.
 * `boundHost` is the host on which a running gateway listens; `hostPlace` is the option or variable that
 * overrides the host of the file.
 */
export function findWeakAccessKeys(
  value: unknown,
  boundHost: string | undefined,
  hostPlace: string | undefined,
): WeakAccessKeys {
  const { host } = serverSection.shape;
  const configured = host.safeParse(valueAt(value, 'server', 'host')).data;
  const hosts = [configured, boundHost].filter((found) => found !== undefined);
  const reachableHost = hosts.find((found) => !isLoopbackHost(found)) ?? null;
  const text = weakKeyWords(reachableHost, hostPlace);
  const diagnostics = weakKeyPaths(value).map((path) => ({ path, text }));
  return reachableHost === null
    ? { problems: [], warnings: diagnostics }
    : { problems: diagnostics, warnings: [] };
}

function weakKeyPaths(value: unknown): Path[] {
  const single = serverSection.shape.access_key.safeParse(valueAt(value, 'server', 'access_key'));
  const list = valueAt(value, 'server', 'access_keys');
  const entries: readonly unknown[] = Array.isArray(list) ? list : [];
  const isWeak = single.data !== undefined && isWeakAccessKey(single.data.reveal());
  return [
    ...(isWeak ? [['server', 'access_key']] : []),
    ...entries.flatMap((entry, index) => {
      const { data } = accessKeyEntry.safeParse(entry);
      if (data === undefined || !isWeakAccessKey(data.key.reveal())) return [];
      return [['server', 'access_keys', index, 'key']];
    }),
  ];
}
