import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EXIT } from './process/exit-code.ts';
import { prepareStateFolder, requireUnixSockets } from './state-folder.ts';

let folder: string;
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'state-folder-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('makes a folder that is its owner’s alone, with the folders above it', async () => {
  const path = join(folder, 'a', 'b');
  await prepareStateFolder(path);
  expect(await modeOf(path)).toBe(0o700);
});

it('closes an empty folder to others', async () => {
  await chmod(folder, 0o755);
  await prepareStateFolder(folder);
  expect(await modeOf(folder)).toBe(0o700);
});

it('refuses a folder that is open to others and in use, and does not touch it', async () => {
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'photos'));
  await expect(prepareStateFolder(folder)).rejects.toMatchObject({
    exitCode: EXIT.configuration,
    message: expect.stringContaining(`chmod 700 ${folder}`) as string,
  });
  expect(await modeOf(folder)).toBe(0o755);
});

it('refuses a path that is no folder', async () => {
  const path = join(folder, 'file');
  await writeFile(path, '');
  await expect(prepareStateFolder(path)).rejects.toMatchObject({ exitCode: EXIT.configuration });
});

it('finds that a folder can hold Unix sockets, and leaves nothing in it', async () => {
  await requireUnixSockets(folder);
  expect(await readdir(folder)).toEqual([]);
});

it('refuses a folder whose sockets would have too long a path', async () => {
  const path = join(folder, 'long-name/'.repeat(12));
  await mkdir(path, { recursive: true });
  await expect(requireUnixSockets(path)).rejects.toMatchObject({
    exitCode: EXIT.configuration,
    fault: 'unusable',
  });
});
