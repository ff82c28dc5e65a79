import { existsSync } from 'node:fs';
import path from 'node:path';

/** How this program was installed, and the texts that depend on it. */
export interface Installation {
  /** `checkout`: npm's scripts are there; `package`: the commands of the npm package are; `copy`: neither. */
  readonly kind: 'checkout' | 'package' | 'copy';
  /** The command that starts it. */
  readonly startCommand: string;
  /** The example of a configuration, absolute. */
  readonly exampleConfig: string;
}

const START_COMMAND = {
  checkout: 'npm start',
  package: 'npx openrouter-proxy',
  copy: 'systemctl start openrouter-proxy',
} as const;

/** Maximum depth of a program's folder below the root of the installation. */
const MAX_DEPTH = 5;

/** Finds the installation that a folder with a program belongs to. */
export function installationOf(folder: string = import.meta.dirname): Installation {
  const root = rootOf(folder);
  const has = (name: string) => existsSync(path.join(root, name));
  const kind = has('scripts/with-build.sh')
    ? 'checkout'
    : has('bin/openrouter-proxy.cjs')
      ? 'package'
      : 'copy';
  return {
    kind,
    startCommand: START_COMMAND[kind],
    exampleConfig: path.join(root, 'config.yml.example'),
  };
}

function rootOf(folder: string): string {
  let root = folder;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    if (existsSync(path.join(root, 'config.yml.example'))) return root;
    root = path.dirname(root);
  }
  return folder;
}
