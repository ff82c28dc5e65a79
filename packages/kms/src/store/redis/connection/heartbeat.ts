import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Machine } from '../../state-store.ts';
import { HEARTBEAT } from './cell-scripts.ts';
import type { KeySpace } from './key-space.ts';
import type { RedisClock } from './redis-clock.ts';
import { ScriptArguments, type Run } from './script.ts';

/** The most changes that one heartbeat reads. */
export const MAX_CHANGES = 500;

const answer = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.number(),
  z.array(z.tuple([z.string(), z.string(), z.number()])),
  z.array(z.tuple([z.string(), z.number(), z.number(), z.string()])),
]);

/** A cell as Redis has it. */
export interface RemoteCell {
  readonly name: string;
  readonly version: number;
  readonly writtenAt: number;
  readonly text: string;
}

/** The answer to a heartbeat. */
export interface Heartbeat {
  readonly epoch: string;
  /** The slot that was entered last, by its name; '' if none was. */
  readonly cursor: string;
  /** The version after which it has the changes. */
  readonly since: number;
  readonly changes: readonly RemoteCell[];
  readonly machines: readonly Machine[];
}

/** Collaborators of a heartbeat. */
export interface HeartbeatDeps {
  readonly keys: KeySpace;
  readonly machine: { readonly id: string; readonly name: string };
  readonly clock: RedisClock;
}

/** Reports that this machine is running, and reads what changed after version `seen`. Sets the clock. */
export async function heartbeat(
  { keys, machine, clock }: HeartbeatDeps,
  run: Run,
  seen: number,
): Promise<Heartbeat> {
  const newEpoch = randomBytes(12).toString('base64url');
  const values = new ScriptArguments(
    ...[keys.epoch, keys.cells, keys.changes, keys.revision, keys.machines, keys.cursor],
  ).add(...[newEpoch, machine.id, machine.name, seen, MAX_CHANGES]);
  const askedAt = performance.now();
  const [micros, epoch, cursor, since, machines, changes] = answer.parse(
    await run(HEARTBEAT, values),
  );
  clock.learn(Number(micros) / 1_000, askedAt, performance.now());
  return {
    ...{ epoch, cursor, since },
    changes: changes.map(([name, version, writtenAt, text]) => ({
      ...{ name, version, writtenAt, text },
    })),
    machines: machines.map(([id, name, lastSeenAt]) => ({
      ...{ name: `${name} (${id})`, lastSeenAt, self: id === machine.id },
    })),
  };
}
