import { inspect } from 'node:util';

const PLACEHOLDER = '[secret]';

/**
 * A value that must never be printed. Every way of turning it into text yields a placeholder;
 * `reveal()` is called only at the point of use.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
