import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

const PROJECT = path.resolve(import.meta.dirname, '../../../../..');

/** Copies the project's own files, without what was installed or built, into a folder. */
export async function checkOut(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const listed = await execa({ cwd: PROJECT })`git ls-files -coz --exclude-standard --deduplicate`;
  const deleted = await execa({ cwd: PROJECT })`git ls-files -dz`;
  const isGone = new Set(deleted.stdout.split('\0'));
  const files = listed.stdout.split('\0').filter((file) => file !== '' && !isGone.has(file));
  const packing = execa('tar', ['--null', '--files-from=-', '-cf', '-'], {
    cwd: PROJECT,
    input: files.join('\0'),
    encoding: 'buffer',
    maxBuffer: 200_000_000,
  });
  await packing.pipe('tar', ['--no-same-owner', '-xf', '-', '-C', folder]);
}

/** Writes a configuration that listens on a port of the system's choice. */
export async function configure(folder: string, openrouter: object): Promise<void> {
  const config = { server: { port: 0, log_format: 'json' }, openrouter };
  await writeFile(path.join(folder, 'config.yml'), JSON.stringify(config), { mode: 0o600 });
}
