import { BodyMembers } from './body-members.ts';
import type { MemberReader } from './member-reader.ts';
import { ScalarReader } from './member-readers.ts';

const OBJECT = 0x7b;
/** More elements than one request would have. */
const MAX_ELEMENTS = 1_000;

/** One element of a list: the members that are wanted, undefined where there is none. */
export type ElementWords = Readonly<Record<string, unknown>>;

/** Reads chosen short members of each element of a list, whatever else the elements hold. */
export class ElementWordsReader implements MemberReader {
  readonly #names: readonly string[];
  #elements: (ElementWords | 'other')[] = [];
  #element: BodyMembers | null = null;
  #isEmpty = true;
  #kind: 'none' | 'list' | 'null' | 'other' = 'none';
  #start = '';
  isDone = false;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  begin(): void {
    this.#elements = [];
    this.#kind = 'other';
    this.#start = '';
    this.isDone = false;
    this.#beginElement();
  }

  open(): void {
    this.#kind = 'list';
    this.#beginElement();
  }

  add(bytes: Buffer): void {
    if (this.#kind === 'other')
      this.#start = `${this.#start}${bytes.toString('latin1', 0, 5)}`.slice(0, 5);
    if (this.#isEmpty && bytes[0] === OBJECT) {
      const readers = this.#names.map((name) => [name, new ScalarReader()] as const);
      this.#element = new BodyMembers(Object.fromEntries(readers));
    }
    this.#isEmpty = false;
    this.#element?.push(bytes);
  }

  separate(): void {
    if (this.#kind !== 'list' || this.#isEmpty) return;
    const element = this.#element;
    const words = this.#names.map((name) => [name, element?.get(name)] as const);
    this.#elements.push(element === null ? 'other' : Object.fromEntries(words));
    if (this.#elements.length > MAX_ELEMENTS) this.isDone = true;
    this.#beginElement();
  }

  end(): void {
    if (this.#kind === 'other' && this.#start === 'null') this.#kind = 'null';
  }

  /** The elements; null for no list, or too long a one; undefined: the member is not there, or null. */
  value(): readonly (ElementWords | 'other')[] | null | undefined {
    if (this.#kind === 'none' || this.#kind === 'null') return undefined;
    return this.#kind === 'other' || this.isDone ? null : this.#elements;
  }

  #beginElement(): void {
    this.#element = null;
    this.#isEmpty = true;
  }
}
