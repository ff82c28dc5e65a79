import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

const CACHE = '/var/cache/openrouter-proxy-tests';
/** libatomic1 is what the pinned Node needs and a minimal Debian lacks. */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'libatomic1'];

/**
 * A minimal Debian with systemd, of the release and from the source that this machine uses; made once
 * and kept, since making it takes half a minute.
 */
export async function debianTree(): Promise<string> {
  const [site, release] = await aptSource();
  const tree = path.join(CACHE, `${release}-${process.arch}-${PACKAGES.join('-')}`);
  if (existsSync(tree)) return tree;
  await mkdir(CACHE, { recursive: true, mode: 0o700 });
  const draft = await mkdtemp(path.join(CACHE, 'draft-'));
  const include = `--include=${PACKAGES.join(',')}`;
  await execa({
    timeout: 300_000,
  })`debootstrap --variant=minbase ${include} ${release} ${draft} ${site}`;
  await chmod(draft, 0o755); // it is to be a root folder: also for users that are not root
  // Another run may have been quicker; its tree is as good.
  await rename(draft, tree).catch(() => rm(draft, { recursive: true }));
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
