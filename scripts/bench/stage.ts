import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Running } from './processes.ts';

/** Keeps what a measurement has started, to be stopped at its end, the last first; gives it back. */
export type Started = <T extends Running>(started: T) => T;

/** Runs a measurement in a folder of its own, and leaves nothing behind. */
export async function onStage<T>(
  measure: (folder: string, started: Started) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  const running: Running[] = [];
  const started: Started = (each) => {
    running.push(each);
    return each;
  };
  try {
    return await measure(folder, started);
  } finally {
    for (const each of running.toReversed()) await each.stop();
    await rm(folder, { recursive: true });
  }
}
