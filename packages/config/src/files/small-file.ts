import { constants, open, stat, type FileHandle } from 'node:fs/promises';
import { getSystemErrorMessage } from 'node:util';

const ANYBODY_READS = 0o004;

/** The result of reading a file. A reason completes "FILE …". */
export type FileReading =
  | { readonly kind: 'text'; readonly text: string; readonly isOpenToAll: boolean }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Reads a UTF-8 text file of at most `maxBytes` bytes. It never blocks on a named pipe, and returns file errors as results. */
export async function readSmallFile(path: string, maxBytes: number): Promise<FileReading> {
  try {
    // Opening a named pipe would otherwise wait for somebody to write into it.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) return { kind: 'unusable', reason: 'is not a regular file' };
    const bytes = await readUpTo(file, maxBytes + 1);
    if (bytes.length > maxBytes) {
      return { kind: 'unusable', reason: `is larger than ${maxBytes / 1024} KiB` };
    }
    const text = decode(bytes);
    if (text === undefined) return { kind: 'unusable', reason: 'is not valid UTF-8' };
    return { kind: 'text', text, isOpenToAll: (stats.mode & ANYBODY_READS) !== 0 };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT') return { kind: 'missing', reason: 'does not exist' };
    if (error.code === 'EACCES') return { kind: 'unusable', reason: await notAllowed(path) };
    return { kind: 'unusable', reason: `cannot be read (${getSystemErrorMessage(error.errno)})` };
  }
}

/** Names the owner and mode of an unreadable file: secrets of containers keep those of the host. */
async function notAllowed(path: string): Promise<string> {
  const refusal = `cannot be read by user ${process.getuid?.() ?? '?'}`;
  try {
    const { uid, gid, mode } = await stat(path);
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    return `${refusal}: it belongs to user ${uid}, group ${gid}, with mode ${octal}`;
  } catch {
    return `${refusal}: its folder is closed to it`;
  }
}

async function readUpTo(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, filled, length - filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === length) return buffer.subarray(0, filled);
  }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // the text is not UTF-8
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { errno: number } {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number';
}
