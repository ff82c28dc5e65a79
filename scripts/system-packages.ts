import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A command that tests run and that npm cannot install. */
export interface SystemPackage {
  readonly command: string;
  /** The Debian package that has the command. */
  readonly debianPackage: string;
}

/** A property of the machine that no package brings. */
export interface Permission {
  readonly missing: string;
  readonly isGranted: () => boolean;
}

/** Test files that need more than npm and Debian's usual tools. `npm test` leaves them out. */
export interface SystemSuite {
  /** Globs, relative to the repository. */
  readonly files: readonly string[];
  readonly about: string;
  readonly packages: readonly SystemPackage[];
  readonly permissions?: readonly Permission[];
}

const fromDebian = (command: string, debianPackage = command): SystemPackage => ({
  command,
  debianPackage,
});
const CC = fromDebian('cc', 'gcc');
const DEBOOTSTRAP = fromDebian('debootstrap');
const EXFAT = fromDebian('mount.exfat-fuse', 'exfat-fuse');
const FISH = fromDebian('fish');
const IP = fromDebian('ip', 'iproute2');
const MICROSOCKS = fromDebian('microsocks');
const MKFS_EXFAT = fromDebian('mkfs.exfat', 'exfatprogs');
const NSPAWN = fromDebian('systemd-nspawn', 'systemd-container');
const NTFS = fromDebian('ntfs-3g');
const PROMETHEUS = fromDebian('prometheus');
const PROMTOOL = fromDebian('promtool', 'prometheus');
const REDIS_CLI = fromDebian('redis-cli', 'redis-tools');
const REDIS_SERVER = fromDebian('redis-server');
const SHELLCHECK = fromDebian('shellcheck');
const TINYPROXY = fromDebian('tinyproxy', 'tinyproxy-bin');
const TMUX = fromDebian('tmux');
const ZSH = fromDebian('zsh');

const ROOT: Permission = {
  missing: 'the tests do not run as root',
  isGranted: () => process.getuid?.() === 0,
};
const NAMESPACES: Permission = {
  missing: 'this process may not make network and mount namespaces',
  isGranted: () => isSuccess('unshare', '--net', '--mount', 'true'),
};

/** Every suite of `npm run test:system`, with its needs. Every other test file belongs to `npm test`. */
export const SYSTEM_SUITES: readonly SystemSuite[] = [
  {
    files: ['packages/gateway/test/outgoing-proxy.test.ts'],
    about: 'requests through an outgoing HTTP or SOCKS proxy',
    packages: [TINYPROXY, MICROSOCKS],
  },
  {
    files: ['packages/kms/test/redis-*.test.ts'],
    about: 'state that several machines share in Redis',
    packages: [REDIS_SERVER],
  },
  {
    files: ['packages/kms/test/foreign-folder.test.ts'],
    about: 'a state folder that belongs to another user',
    packages: [],
    permissions: [ROOT],
  },
  {
    files: ['packages/end-to-end/test/machines/*.test.ts'],
    about: 'several machines in a network of their own',
    packages: [IP, REDIS_SERVER, REDIS_CLI, CC],
    permissions: [ROOT, NAMESPACES],
  },
  {
    files: ['packages/end-to-end/test/health/health-store-states.test.ts'],
    about: 'what every surface says while Redis is away, or the disk is full',
    packages: [REDIS_SERVER],
    permissions: [ROOT, NAMESPACES],
  },
  {
    files: ['packages/end-to-end/test/monitoring/prom*.test.ts'],
    about: 'a Prometheus that scrapes, the alert rules and the Grafana queries',
    packages: [PROMETHEUS, PROMTOOL],
  },
  {
    files: ['packages/end-to-end/test/cli/terminal.test.ts'],
    about: 'the KMS CLI in a terminal, and its completion in fish and zsh',
    packages: [TMUX, FISH, ZSH],
  },
  {
    files: ['packages/end-to-end/test/systemd/service-scripts.test.ts'],
    about: 'shellcheck of the shell scripts',
    packages: [SHELLCHECK],
  },
  {
    files: ['packages/end-to-end/test/systemd/staging-as-root.test.ts'],
    about: 'the service scripts run by another user',
    packages: [],
    permissions: [ROOT],
  },
  {
    files: [
      'packages/end-to-end/test/systemd/systemd.test.ts',
      'packages/end-to-end/test/systemd/container.test.ts',
    ],
    about: 'the service in a real systemd, and the image as its user',
    packages: [DEBOOTSTRAP, NSPAWN],
    permissions: [ROOT, NAMESPACES],
  },
  {
    files: ['packages/end-to-end/test/install/*.test.ts'],
    about: 'first starts: pairs of Node and npm, file systems, users, networks',
    packages: [IP, NTFS, EXFAT, MKFS_EXFAT],
    permissions: [ROOT, NAMESPACES],
  },
];

/** The reasons why a suite cannot run on this machine; none if it can. */
export function obstacles({ packages, permissions = [] }: SystemSuite): string[] {
  return [
    ...packages
      .filter(({ command }) => !isInstalled(command))
      .map(({ command, debianPackage }) => `${command} is missing (Debian: ${debianPackage})`),
    ...permissions.filter(({ isGranted }) => !isGranted()).map(({ missing }) => missing),
  ];
}

/** Whether PATH has a command. */
export function isInstalled(command: string): boolean {
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

function isSuccess(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
