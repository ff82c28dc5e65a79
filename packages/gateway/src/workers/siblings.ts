import { metricFamily, type MetricFamily } from '@openrouter-proxy/kms-protocol';
import type { LauncherLink } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import { processUse } from '../metrics/machine-load.ts';

/** A model list, as workers exchange it. */
export const sharedList = z.strictObject({
  /** Milliseconds since the epoch. */
  fetchedAt: z.number(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  /** The body: gzip, base64. */
  body: z.string(),
});
export type SharedList = z.infer<typeof sharedList>;

const listAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('list'), list: sharedList }),
  z.strictObject({ kind: z.literal('fetch') }),
]);
export type ListAnswer = z.infer<typeof listAnswer>;

/** The load of a worker, beside its metrics. */
const workerLoad = z.strictObject({
  use: processUse,
  cache: z.strictObject({ hits: z.number(), misses: z.number() }),
});
export type WorkerLoad = z.infer<typeof workerLoad>;

/** A worker's questions to the primary process, which may ask the other workers. */
export const workerRequest = z.union([
  z.strictObject({ siblings: z.enum(['metrics', 'load']) }),
  z.strictObject({ list: z.strictObject({ path: z.string(), freshSince: z.number() }) }),
  z.strictObject({ listed: z.strictObject({ path: z.string(), list: sharedList.nullable() }) }),
]);

/** The primary process's questions to a worker. */
export const primaryRequest = z.union([
  z.strictObject({ look: z.enum(['metrics', 'load']) }),
  z.strictObject({ ping: z.literal(true) }),
]);

/** The other workers of a gateway. */
export interface Siblings {
  /** This worker's number; null: the gateway is a single process. */
  readonly id: number | null;
  /** The metrics of each of the others. */
  metrics(): Promise<MetricFamily[][]>;
  load(): Promise<WorkerLoad[]>;
  /** A model list that one of them has fetched since `freshSince`; null: this process has to fetch it. */
  list(path: string, freshSince: number): Promise<SharedList | null>;
  /** Gives them the list that this process has fetched; null: the fetch failed. */
  listed(path: string, list: SharedList | null): void;
}

/** The name of this process, for people. */
export const gatewayName = ({ id }: Siblings): string =>
  id === null ? 'gateway' : `gateway, worker ${id}`;

/** Siblings in single-process mode. */
export const ALONE: Siblings = {
  id: null,
  metrics: () => Promise.resolve([]),
  load: () => Promise.resolve([]),
  list: () => Promise.resolve(null),
  listed: () => undefined,
};

const LOOK_MS = 2_000;

/** The siblings of a worker, asked through its primary process. One that does not answer is left out. */
export function siblingsOver(link: LauncherLink, id: number, listTimeoutMs: number): Siblings {
  const look = async <T>(what: 'metrics' | 'load', schema: z.ZodType<T>): Promise<T[]> => {
    const answer = await link.ask({ siblings: what }, LOOK_MS);
    return z.array(schema).safeParse(answer).data ?? [];
  };
  return {
    id,
    metrics: () => look('metrics', z.array(metricFamily)),
    load: () => look('load', workerLoad),
    async list(path, freshSince) {
      const answer = await link.ask({ list: { path, freshSince } }, listTimeoutMs);
      const found = listAnswer.safeParse(answer).data;
      return found?.kind === 'list' ? found.list : null;
    },
    listed: (path, list) => void link.ask({ listed: { path, list } }, LOOK_MS),
  };
}
