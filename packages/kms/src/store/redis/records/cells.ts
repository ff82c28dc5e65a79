import { DAY_MS } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import { WRITE } from '../connection/cell-scripts.ts';
import type { KeySpace } from '../connection/key-space.ts';
import type { LinkSnapshot } from '../connection/link.ts';
import type { RemoteCell } from '../connection/heartbeat.ts';
import type { Run } from '../connection/script.ts';
import { ScriptArguments } from '../connection/script.ts';

/** How many cells are written at once to make up for an outage. */
const WRITES_AT_ONCE = 200;
/** Who always comes second to others' writes of one cell gives way in the end. */
const MAX_ATTEMPTS = 32;
/** Redis forgets what nobody has touched for three months: what is known here is touched. */
const RENEW_AFTER_MS = 30 * DAY_MS;

const written = z.tuple([z.number(), z.string(), z.number()]);

interface Cell {
  /** What it is, as far as is known here; '': nothing. */
  text: string;
  /** The version of it that this is, or builds on; 0: none. */
  version: number;
  /** Redis does not have this. */
  isDirty: boolean;
  writing: Promise<void> | null;
}

/** What cells are made of. */
export interface CellsOptions {
  readonly keys: KeySpace;
  readonly machine: string;
  readonly run: Run;
  readonly epoch: () => string;
  /** What becomes of two that were changed without knowing of each other. Commutative, idempotent. */
  readonly merge: (name: string, mine: string, theirs: string) => string;
  /** Whether `theirs` cannot follow from `mine`, though it is newer: what was known here has been lost. */
  readonly isLost: (name: string, mine: string, theirs: string) => boolean;
  /** A cell has changed by what others did. */
  readonly onChange: (name: string, text: string) => void;
}

/**
 * What is known of keys and of what they share: one cell each. A write that builds on the version that
 * Redis has replaces it; one that does not is merged with what is there. So a write that comes late,
 * twice, or after others takes nothing back.
 */
export class Cells {
  readonly #options: CellsOptions;
  readonly #cells = new Map<string, Cell>();

  constructor(options: CellsOptions) {
    this.#options = options;
  }

  /** The text of a cell; '': nothing is known. */
  text(name: string): string {
    return this.#cells.get(name)?.text ?? '';
  }

  /** The cells that hold something. */
  all(): [name: string, text: string][] {
    return [...this.#cells].flatMap(([name, { text }]) => (text === '' ? [] : [[name, text]]));
  }

  /** Takes in what was known before this life; `isDirty`: Redis was never told. */
  restore(name: string, text: string, isDirty: boolean): void {
    const cell = this.#cell(name);
    cell.text = text;
    cell.isDirty = isDirty;
  }

  /** Writes a cell. Rejects with StateUnavailable; then it is written when Redis is back. */
  async write(name: string, text: string): Promise<void> {
    const cell = this.#cell(name);
    cell.text = text;
    cell.isDirty = true;
    await this.#bring(name, cell, this.#options.run);
  }

  /** Takes in what others have changed. Rejects with StateUnavailable. */
  async apply({ changes, isWhole, isOther }: LinkSnapshot, now: number, run: Run): Promise<void> {
    const present = new Set(changes.map(({ name }) => name));
    for (const [name, cell] of isWhole ? this.#cells : []) {
      if (present.has(name)) continue;
      cell.version = 0;
      if (cell.text === '') this.#cells.delete(name);
      else cell.isDirty = true;
    }
    for (const change of changes) this.#takeOne(change, isOther, now);
    const dirty = [...this.#cells].filter(([, cell]) => cell.isDirty && cell.writing === null);
    for (let from = 0; from < dirty.length; from += WRITES_AT_ONCE) {
      const some = dirty.slice(from, from + WRITES_AT_ONCE);
      await Promise.all(some.map(([name, cell]) => this.#bring(name, cell, run)));
    }
  }

  #takeOne({ name, version, writtenAt, text }: RemoteCell, isOther: boolean, now: number): void {
    const cell = this.#cell(name);
    if (cell.writing !== null) return; // a write finds out by itself
    const isSame = version === cell.version && !isOther && (cell.isDirty || cell.text === text);
    if (isSame) {
      if (now - writtenAt > RENEW_AFTER_MS) cell.isDirty = true;
      return;
    }
    const isBehind = isOther || version <= cell.version || cell.isDirty;
    cell.version = version;
    if (isBehind || this.#options.isLost(name, cell.text, text)) this.#merge(name, cell, text);
    else this.#change(name, cell, text);
  }

  /** Brings a cell to Redis, one write after the other. */
  #bring(name: string, cell: Cell, run: Run): Promise<void> {
    return (cell.writing ??= this.#writeAll(name, cell, run));
  }

  async #writeAll(name: string, cell: Cell, run: Run): Promise<void> {
    try {
      for (let attempt = 0; cell.isDirty && attempt < MAX_ATTEMPTS; attempt += 1) {
        const { text } = cell;
        const answer = written.parse(await run(WRITE, this.#values(name, cell)));
        const [version, stored, isWritten] = answer;
        cell.version = version;
        if (isWritten === 0) this.#merge(name, cell, stored);
        else cell.isDirty = cell.text !== text; // changed meanwhile: it builds on what was written
      }
    } finally {
      cell.writing = null; // at once: what is written from now on is another write
    }
  }

  #values(name: string, { version, text }: Cell): ScriptArguments {
    const { keys, machine, epoch } = this.#options;
    return new ScriptArguments(keys.epoch, keys.cells, keys.changes, keys.revision).add(
      ...[epoch(), name, version, text, keys.channel, machine],
    );
  }

  /** Two sides of a cell that did not know of each other. */
  #merge(name: string, cell: Cell, theirs: string): void {
    const merged = cell.text === theirs ? theirs : this.#options.merge(name, cell.text, theirs);
    cell.isDirty = merged !== theirs;
    this.#change(name, cell, merged);
  }

  #change(name: string, cell: Cell, text: string): void {
    if (cell.text === text) return;
    cell.text = text;
    this.#options.onChange(name, text);
  }

  #cell(name: string): Cell {
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    const cell = { text: '', version: 0, isDirty: false, writing: null };
    this.#cells.set(name, cell);
    return cell;
  }
}
