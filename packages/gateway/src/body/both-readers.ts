import type { MemberReader } from './member-reader.ts';

/**
 * Reads one member for two purposes. A list is read by its elements if the first reader wants that; the
 * second one must take elements and whole values alike.
 */
export class BothReaders implements MemberReader {
  readonly #first: MemberReader;
  readonly #second: MemberReader;
  open?: () => void;

  constructor(first: MemberReader, second: MemberReader) {
    this.#first = first;
    this.#second = second;
    if (first.open !== undefined) this.open = () => first.open?.();
  }

  get isDone(): boolean {
    return this.#first.isDone && this.#second.isDone;
  }

  begin(): void {
    this.#first.begin();
    this.#second.begin();
  }

  add(bytes: Buffer): void {
    if (!this.#first.isDone) this.#first.add(bytes);
    if (!this.#second.isDone) this.#second.add(bytes);
  }

  separate(): void {
    if (!this.#first.isDone) this.#first.separate?.();
    this.#second.separate?.();
  }

  end(): void {
    this.#first.end();
    this.#second.end();
  }

  /** What each has read. */
  value(): readonly [unknown, unknown] {
    return [this.#first.value(), this.#second.value()];
  }
}
