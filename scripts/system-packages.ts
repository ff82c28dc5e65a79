import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program or a library that tests need and npm cannot install. */
export interface SystemPackage {
  /** What the tests run, or the library that the browser they run is linked with. */
  readonly command: string;
  /** The Debian package that has it. */
  readonly debianPackage: string;
  /** What is skipped without it. */
  readonly neededBy: string;
}

/** Everything tests need from the system. */
export const SYSTEM_PACKAGES: readonly SystemPackage[] = [
  {
    command: 'tinyproxy',
    debianPackage: 'tinyproxy-bin',
    neededBy: 'requests through an outgoing HTTP proxy',
  },
  {
    command: 'microsocks',
    debianPackage: 'microsocks',
    neededBy: 'requests through an outgoing SOCKS proxy',
  },
  {
    command: 'redis-server',
    debianPackage: 'redis-server',
    neededBy: 'state that several machines share',
  },
  {
    command: 'promtool',
    debianPackage: 'prometheus',
    neededBy: 'the alert rules',
  },
  {
    command: 'prometheus',
    debianPackage: 'prometheus',
    neededBy: 'what a Prometheus scrapes',
  },
  {
    command: 'libnss3.so',
    debianPackage: 'libnss3',
    neededBy: 'the dashboard in a browser',
  },
  {
    command: 'ip',
    debianPackage: 'iproute2',
    neededBy: 'several machines in a network of their own',
  },
  {
    command: 'redis-cli',
    debianPackage: 'redis-tools',
    neededBy: 'several machines in a network of their own',
  },
  {
    command: 'cc',
    debianPackage: 'gcc',
    neededBy: 'machines whose time runs faster',
  },
  { command: 'tmux', debianPackage: 'tmux', neededBy: 'the KMS CLI in a terminal' },
  { command: 'fish', debianPackage: 'fish', neededBy: 'completion in fish' },
  { command: 'zsh', debianPackage: 'zsh', neededBy: 'completion in zsh' },
  {
    command: 'shellcheck',
    debianPackage: 'shellcheck',
    neededBy: 'the scripts that install and remove the service',
  },
  {
    command: 'debootstrap',
    debianPackage: 'debootstrap',
    neededBy: 'the service in a real systemd',
  },
  {
    command: 'systemd-nspawn',
    debianPackage: 'systemd-container',
    neededBy: 'the service in a real systemd',
  },
];

/** Whether a command can be run by its name, or a library be linked with. */
export function isThere(name: string): boolean {
  if (name.endsWith('.so')) return globSync(`/{lib,usr/lib}/{,*/}${name}`).length > 0;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
