import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** What maintainer scripts of packages ask before they start a service (Debian Policy 9.3.3.2, invoke-rc.d(8)). */
const POLICY = '/usr/sbin/policy-rc.d';
const DENIES_EVERYTHING = '#!/bin/sh\nexit 101\n';
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/**
 * Installs Debian packages without starting the services they bring. A policy that the machine has
 * is left as it is; ours is gone afterwards, however this ends.
 */
export async function withoutServices<T>(install: () => Promise<T>, policy = POLICY): Promise<T> {
  if (!(await wrote(policy))) return await install();
  const remove = () => rmSync(policy, { force: true });
  const leave = (signal: NodeJS.Signals) => {
    remove();
    for (const name of SIGNALS) process.removeListener(name, leave);
    process.kill(process.pid, signal);
  };
  for (const name of SIGNALS) process.on(name, leave);
  try {
    return await install();
  } finally {
    for (const name of SIGNALS) process.removeListener(name, leave);
    remove();
  }
}

/** Whether the policy could be written: not where there is one already. */
async function wrote(policy: string): Promise<boolean> {
  try {
    const file = await open(policy, 'wx', 0o755);
    await file.writeFile(DENIES_EVERYTHING);
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
