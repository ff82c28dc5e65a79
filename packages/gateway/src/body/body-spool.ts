import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@openrouter-proxy/runtime';

/** Disk operations at the same time. Name look-ups and compression share libuv's four threads with them. */
const MAX_OPERATIONS = 2;
/** How long an operation may take, the wait for its turn included. */
const OPERATION_MS = 5_000;

/** The folder and the limits of a spool. */
export interface BodySpoolDeps {
  /** Created at the first use, with mode 0700. */
  readonly folder: string;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

/**
 * Files for request bodies that memory has no room for. A file is unlinked as soon as it
 * is open, so that a crash leaves nothing behind. A slow disk delays no other request.
 */
export class BodySpool {
  /** Bytes of all files together; may be changed. */
  maxBytes: number;
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #usedBytes = 0;
  #hasFailed = false;

  constructor({ folder, maxBytes, logger }: BodySpoolDeps) {
    this.#folder = folder;
    this.maxBytes = maxBytes;
    this.#logger = logger;
  }

  /** Bytes in its files. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Opens an unlinked file. Rejects when the disk refuses or is too slow. */
  async create(): Promise<SpoolFile> {
    const path = join(this.#folder, `${process.pid}-${randomUUID()}`);
    let isLate = false;
    const opening = async () => {
      const handle = await this.#open(path);
      if (isLate) await handle.close();
      return handle;
    };
    try {
      return new SpoolFile(this, await this.run(opening), path);
    } catch (error) {
      isLate = true;
      throw error;
    }
  }

  async #open(path: string): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const handle = await open(path, 'wx+', 0o600);
    // Where an open file cannot be unlinked (Windows), it is removed once it is closed.
    await unlink(path).catch(() => undefined);
    return handle;
  }

  /** Reserves room. False: there is none left. */
  reserve(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  /** Runs a disk operation when it is its turn. Rejects when it fails or takes too long. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`the disk took longer than ${OPERATION_MS} ms`)),
      OPERATION_MS,
    );
    try {
      return await Promise.race([this.#inTurn(operation), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #inTurn<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#running < MAX_OPERATIONS) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await operation();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Logs that a body could not be kept; only once until one can be kept again. */
  failed(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.warning(
      'large request bodies cannot be kept on disk: a request that has one is not repeated under another key. Make room in the state folder, or raise server.spool_size',
      { folder: this.#folder, error },
    );
  }

  succeeded(): void {
    this.#hasFailed = false;
  }

  /** Removes the files of processes that have ended. */
  async removeLeftovers(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const leftovers = names.filter((name) => !isOfRunningProcess(name));
    await Promise.all(
      leftovers.map((name) => rm(join(this.#folder, name), { force: true }).catch(() => undefined)),
    );
  }
}

/** Whether a file belongs to another process that still runs, by the process id in its name. */
function isOfRunningProcess(name: string): boolean {
  const pid = Number(/^(\d+)-/.exec(name)?.[1] ?? 0);
  if (pid === 0 || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The bytes of one body, in a file of a spool. */
export class SpoolFile {
  readonly #spool: BodySpool;
  readonly #handle: FileHandle;
  readonly #path: string;
  #length = 0;

  constructor(spool: BodySpool, handle: FileHandle, path: string) {
    this.#spool = spool;
    this.#handle = handle;
    this.#path = path;
  }

  /** Bytes that have been appended. */
  get length(): number {
    return this.#length;
  }

  /** Appends bytes. Rejects when there is no room for them, and does not change the file then. */
  async append(bytes: Buffer): Promise<void> {
    const { maxBytes, usedBytes } = this.#spool;
    if (!this.#spool.reserve(bytes.length)) {
      throw new Error(`the spool has no room: ${usedBytes} of ${maxBytes} bytes are used`);
    }
    try {
      await this.#spool.run(() => this.#write(bytes, this.#length));
    } catch (error) {
      this.#spool.free(bytes.length);
      throw error;
    }
    this.#length += bytes.length;
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const left = bytes.length - at;
      at += (await this.#handle.write(bytes, at, left, position + at)).bytesWritten;
    }
  }

  /** Reads bytes that have been appended. */
  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.min(length, this.#length - position));
    const { bytesRead } = await this.#spool.run(() =>
      this.#handle.read(bytes, 0, bytes.length, position),
    );
    if (bytesRead === 0) throw new Error('the file is shorter than it was');
    return bytes.subarray(0, bytesRead);
  }

  /** Frees its room. The file cannot be used any more. */
  close(): void {
    this.#spool.free(this.#length);
    this.#length = 0;
    this.#handle
      .close()
      .then(() => rm(this.#path, { force: true }))
      .catch(() => undefined); // it is unlinked, or will be removed at the next start
  }
}
