import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { newId } from './objects.ts';

/** A file that was sent in a form. Its bytes are on disk. */
export interface UploadedFile {
  path: string;
  name: string;
  type: string;
  size: number;
  sha256: string;
}

/** A form: the fields of text, and the file. */
export interface Upload {
  fields: Record<string, string>;
  file: UploadedFile | null;
}

const MAX_HEAD = 16 * 1024;
const MAX_FIELD = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** Where the bytes of a part go. */
interface Part {
  write(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** Whether a request brings a form with files. */
export function isUpload({ headers }: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(headers['content-type'] ?? '');
}

class FilePart implements Part {
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #file: UploadedFile;

  constructor(handle: FileHandle, file: UploadedFile) {
    this.#handle = handle;
    this.#file = file;
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#handle.write(bytes);
    this.#hash.update(bytes);
    this.#file.size += bytes.length;
  }

  async end(): Promise<void> {
    this.#file.sha256 = this.#hash.digest('hex');
    await this.#handle.close();
  }
}

function fieldPart(fields: Record<string, string>, name: string): Part {
  const pieces: Buffer[] = [];
  let size = 0;
  return {
    write(bytes) {
      size += bytes.length;
      if (size <= MAX_FIELD) pieces.push(Buffer.from(bytes));
      return Promise.resolve();
    },
    end() {
      fields[name] = Buffer.concat(pieces).toString('utf8');
      return Promise.resolve();
    },
  };
}

async function partOf(head: string, upload: Upload, folder: string): Promise<Part> {
  const name = /\bname="([^"]*)"/.exec(head)?.[1] ?? '';
  const fileName = /\bfilename="([^"]*)"/.exec(head)?.[1];
  if (fileName === undefined) return fieldPart(upload.fields, name);
  const place = path.join(folder, newId('upload'));
  const type = /^content-type: *(\S+)/im.exec(head)?.[1] ?? 'application/octet-stream';
  upload.file = { path: place, name: fileName, type, size: 0, sha256: '' };
  return new FilePart(await open(place, 'w', 0o600), upload.file);
}

/** Reads a form as it arrives: no more than one chunk of it is in memory. */
export class UploadReader {
  readonly #upload: Upload = { fields: {}, file: null };
  readonly #delimiter: Buffer;
  readonly #folder: string;
  #held: Buffer = Buffer.from('\r\n');
  #state: 'content' | 'delimiter' | 'head' | 'over' = 'content';
  #part: Part | null = null;

  constructor(request: IncomingMessage, folder: string) {
    const boundary = /boundary="?([^";]+)"?/i.exec(request.headers['content-type'] ?? '')?.[1];
    this.#delimiter = Buffer.from(`\r\n--${boundary ?? ''}`);
    this.#folder = folder;
  }

  get upload(): Upload {
    return this.#upload;
  }

  async push(chunk: Buffer): Promise<void> {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (await this.#step());
  }

  /** Closes what a broken upload left open. */
  async end(): Promise<void> {
    await this.#part?.end();
    this.#part = null;
  }

  /** Whether there may be more to do with the bytes that are there. */
  async #step(): Promise<boolean> {
    switch (this.#state) {
      case 'content':
        return this.#content();
      case 'delimiter':
        if (this.#held.length < 2) return false;
        this.#state = this.#held.subarray(0, 2).toString() === '--' ? 'over' : 'head';
        return true;
      case 'head':
        return this.#head();
      case 'over':
        this.#held = Buffer.alloc(0);
        return false;
    }
  }

  async #content(): Promise<boolean> {
    const at = this.#held.indexOf(this.#delimiter);
    const end = at === -1 ? Math.max(0, this.#held.length - this.#delimiter.length + 1) : at;
    await this.#part?.write(this.#held.subarray(0, end));
    this.#held = this.#held.subarray(at === -1 ? end : at + this.#delimiter.length);
    if (at === -1) return false;
    await this.end();
    this.#state = 'delimiter';
    return true;
  }

  async #head(): Promise<boolean> {
    const at = this.#held.indexOf(HEAD_END);
    if (at === -1 && this.#held.length > MAX_HEAD) this.#state = 'over';
    if (at === -1) return false;
    this.#part = await partOf(this.#held.subarray(0, at).toString(), this.#upload, this.#folder);
    this.#held = this.#held.subarray(at + HEAD_END.length);
    this.#state = 'content';
    return true;
  }
}
