import { readFileSync } from 'node:fs';
import path from 'node:path';

const DOCUMENT = path.resolve(import.meta.dirname, '../../../../../docs/systemd.md');
const ROW = /^\| `(?<file>\/[^`]+)` +\| (?<mode>\d{4}) +\| (?<owner>[\w-]+:[\w-]+) +\|/gm;

/** A file or folder of the installed service, as the documentation has it. */
export interface DocumentedFile {
  readonly file: string;
  /** Octal, without a leading zero. */
  readonly mode: string;
  /** `user:group`. */
  readonly owner: string;
}

/** The table of files in docs/systemd.md. */
export function documentedFiles(): DocumentedFile[] {
  return [...readFileSync(DOCUMENT, 'utf8').matchAll(ROW)].map(({ groups = {} }) => ({
    file: groups['file'] ?? '',
    mode: (groups['mode'] ?? '').replace(/^0/, ''),
    owner: groups['owner'] ?? '',
  }));
}
