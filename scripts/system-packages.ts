import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that tests need and npm cannot install. */
export interface SystemPackage {
  /** What the tests run. */
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

/** Whether a command can be run by its name. */
export function isOnPath(command: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
