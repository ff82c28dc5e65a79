import { randomBytes } from 'node:crypto';
import { chmod, link, open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file that only its owner may read (mode 0600), and its group if so wanted (0640), whole or
 * not at all, over one that may be there.
 */
export async function replacePrivateFile(
  path: string,
  text: string,
  mode: 0o600 | 0o640 = 0o600,
): Promise<void> {
  await withDraft(path, text, async (draft) => {
    if (mode !== 0o600) await chmod(draft, mode); // whatever the umask takes from new files
    await rename(draft, path);
  });
}

/** The same, but a file that is there already stays. Of two writers at once, one succeeds. */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  await withDraft(path, text, async (draft) => {
    try {
      await link(draft, path); // unlike a rename, it never replaces
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  });
}

async function withDraft(
  path: string,
  text: string,
  publish: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await using file = await open(draft, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await publish(draft);
  } finally {
    await rm(draft, { force: true });
  }
}
