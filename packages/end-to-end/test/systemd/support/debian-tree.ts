import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

const CACHE = '/var/cache/openrouter-proxy-tests';
/** libatomic1 is what the pinned Node needs and a minimal Debian lacks. */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'libatomic1'];

/** Only a hang takes as long as this: one test file waits here while another makes the tree. */
const HUNG_AFTER_MS = 9 * 60_000;
/** Makes the tree unless it is there. Arguments: the tree, the release, its source, the packages. */
const MAKE = `
tree=$1 release=$2 site=$3 include=$4
[ -e "$tree" ] && exit
rm -rf --one-file-system "$tree.draft"
debootstrap --variant=minbase "--include=$include" "$release" "$tree.draft" "$site"
chmod 755 "$tree.draft" # it becomes a root folder, also for users that are not root
mv "$tree.draft" "$tree"
`;

/**
 * A minimal Debian with systemd, of the release and from the source that this machine uses. It is made
 * once and kept; a lock has test files that run at the same time share it.
 */
export async function debianTree(): Promise<string> {
  const [site, release] = await aptSource();
  const tree = path.join(CACHE, `${release}-${process.arch}-${PACKAGES.join('-')}`);
  await mkdir(CACHE, { recursive: true, mode: 0o700 });
  const lock = path.join(CACHE, 'lock');
  const include = PACKAGES.join(',');
  await execa('flock', [lock, 'sh', '-euc', MAKE, 'sh', tree, release, site, include], {
    timeout: HUNG_AFTER_MS,
  });
  return tree;
}

/** Where apt gets packages, and of which release. */
async function aptSource(): Promise<[site: string, release: string]> {
  const { stdout } = await execa`apt-get indextargets --format ${'$(SITE) $(RELEASE)'}`;
  const sources = stdout.split('\n').map((line) => line.split(' '));
  // Updates and security fixes build on the release that has the shortest name.
  const [site, release] = sources.sort(([, a = ''], [, b = '']) => a.length - b.length)[0] ?? [];
  if (site === undefined || release === undefined) throw new Error('apt has no source');
  return [site, release];
}
