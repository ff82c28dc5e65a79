import * as z from 'zod';
import { health } from './health.ts';
import { instant } from './instant.ts';
import { limitView } from './key-view.ts';

/** Machines that share a pool, as far as they are shown. */
export const MAX_MACHINES = 100;

/** How the key service, its pool and its store are. */
export const serviceStatus = z.strictObject({
  version: z.string(),
  startedAt: instant,
  health,
  /** How many keys can serve, and why the others cannot; `refused`: by OpenRouter, when asked last. */
  keys: z.strictObject({
    available: z.int(),
    cooling: z.int(),
    refused: z.int(),
    disabled: z.int(),
  }),
  /** When the first cooling key returns; null if none cools. */
  nextAvailableAt: instant.nullable(),
  leasesInFlight: z.int(),
  /** Requests that wait for a key. */
  waiting: z.int(),
  /** Accounts that several keys share, by name, with the names of these keys. */
  sharedAccounts: z.array(z.strictObject({ account: z.string(), keys: z.array(z.string()) })),
  /** Limits on models and on the way to OpenRouter, those that last longest first. */
  limits: z.array(limitView).max(100),
  store: z.strictObject({
    backend: z.string(),
    healthy: z.boolean(),
    /** What is wrong with it, in a few words; null: nothing. */
    trouble: z.string().max(400).nullable(),
    /** The machines that share it, those seen last first; none if it is this machine's alone. */
    machines: z
      .array(z.strictObject({ name: z.string(), lastSeenAt: instant, self: z.boolean() }))
      .max(MAX_MACHINES),
  }),
  /** What the service's process takes of the machine. */
  process: z.strictObject({ cpuSeconds: z.number(), residentBytes: z.number() }),
});
