import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * Erases variables from this process's environment. Deleting one from `process.env` hides it from our own
 * code only: every process of the same user can still read /proc/PID/environ. So on Linux the bytes there
 * are overwritten with zeros. Returns whether the variables are erased.
 */
export function scrubEnvironment(names: readonly string[]): boolean {
  for (const name of names) Reflect.deleteProperty(process.env, name);
  if (process.platform !== 'linux') return false;
  try {
    overwrite(new Set(names));
    return true;
  } catch {
    return false; // /proc is missing or protected
  }
}

function overwrite(names: ReadonlySet<string>): void {
  let address = blockStart();
  const memory = openSync('/proc/self/mem', 'r+');
  try {
    for (const entry of readFileSync('/proc/self/environ', 'latin1').split('\0')) {
      const name = entry.slice(0, entry.indexOf('='));
      if (names.has(name)) writeSync(memory, Buffer.alloc(entry.length), 0, entry.length, address);
      address += entry.length + 1;
    }
  } finally {
    closeSync(memory);
  }
}

/** `env_start`, field 50 of /proc/PID/stat (proc(5)); fields are counted after the name, which is in parentheses. */
function blockStart(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fromThird = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const address = Number(fromThird[50 - 3]);
  if (!(address > 0)) throw new Error('/proc/PID/stat has no address of the environment');
  return address;
}
