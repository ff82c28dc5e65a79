import { execa } from 'execa';

/** Whether a program is missing here, as the test run has found out. */
export function isMissing(command: string): boolean {
  return (process.env['MISSING_COMMANDS'] ?? '').split(',').includes(command);
}

/** What `promtool` prints; fails with that when it finds fault. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { all } = await execa({ all: true, timeout: 60_000 })`promtool ${args}`;
  return all;
}
