import { execa } from 'execa';

/** What `promtool` prints; fails with that when it finds fault. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { all } = await execa({ all: true, timeout: 60_000 })`promtool ${args}`;
  return all;
}
