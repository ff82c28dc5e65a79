import { DAY_MS } from '@openrouter-proxy/runtime';
import * as z from 'zod';
import { WRITE } from '../connection/cell-scripts.ts';
import type { KeySpace } from '../connection/key-space.ts';
import type { LinkSnapshot } from '../connection/link.ts';
import type { RemoteCell } from '../connection/heartbeat.ts';
import type { Run } from '../connection/script.ts';
import { ScriptArguments } from '../connection/script.ts';

/** Cells that are written at once after an outage. */
const WRITES_AT_ONCE = 200;
/** Maximum compare-and-set retries. */
const MAX_ATTEMPTS = 32;
/** Redis forgets cells that are not written for three months, so known cells are written again. */
const RENEW_AFTER_MS = 30 * DAY_MS;

const written = z.tuple([z.number(), z.string(), z.number()]);

interface Cell {
  /** The known text; '' if none is known. */
  text: string;
  /** The version of the text, or the one that it builds on; 0 if there is none. */
  version: number;
  /** Redis does not have this text. */
  isDirty: boolean;
  writing: Promise<void> | null;
}

/** Options of Cells. */
export interface CellsOptions {
  readonly keys: KeySpace;
  readonly machine: string;
  readonly run: Run;
  readonly epoch: () => string;
  /** Merges two texts that were changed independently. Commutative and idempotent. */
  readonly merge: (name: string, mine: string, theirs: string) => string;
  /** Whether `theirs`, although newer, has lost a change of `mine`. */
  readonly isLost: (name: string, mine: string, theirs: string) => boolean;
  /** Another machine has changed a cell. */
  readonly onChange: (name: string, text: string) => void;
}

/**
 * The cells of keys and of what they share. A write that builds on Redis' version replaces it; any
 * other write is merged. So late, repeated and reordered writes lose nothing.
 */
export class Cells {
  readonly #options: CellsOptions;
  readonly #cells = new Map<string, Cell>();

  constructor(options: CellsOptions) {
    this.#options = options;
  }

  /** The text of a cell; '' if none is known. */
  text(name: string): string {
    return this.#cells.get(name)?.text ?? '';
  }

  /** The cells with a text. */
  all(): [name: string, text: string][] {
    return [...this.#cells].flatMap(([name, { text }]) => (text === '' ? [] : [[name, text]]));
  }

  /** Restores a cell of an earlier process. `isDirty`: Redis does not have it. */
  restore(name: string, text: string, isDirty: boolean): void {
    const cell = this.#cell(name);
    cell.text = text;
    cell.isDirty = isDirty;
  }

  /** Writes a cell. Rejects with StateUnavailable, and then writes it after the outage. */
  async write(name: string, text: string): Promise<void> {
    const cell = this.#cell(name);
    cell.text = text;
    cell.isDirty = true;
    await this.#bring(name, cell, this.#options.run);
  }

  /** Applies the changes of other machines. Rejects with StateUnavailable. */
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
    if (cell.writing !== null) return; // the running write merges it
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

  /** Writes a cell to Redis, one write at a time. */
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
        else cell.isDirty = cell.text !== text; // changed during the write
      }
    } finally {
      cell.writing = null; // at once: the next change starts another write
    }
  }

  #values(name: string, { version, text }: Cell): ScriptArguments {
    const { keys, machine, epoch } = this.#options;
    return new ScriptArguments(keys.epoch, keys.cells, keys.changes, keys.revision).add(
      ...[epoch(), name, version, text, keys.channel, machine],
    );
  }

  /** Merges two independent changes of a cell. */
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
