/** Reads the value of one member of a JSON object, in pieces. */
export interface MemberReader {
  /** Whether the rest of the value is not needed. */
  readonly isDone: boolean;
  /** A value begins. It replaces an earlier one. */
  begin(): void;
  /** Bytes of the value, without white space around it. If the value is read by its elements: bytes of one element. */
  add(bytes: Buffer): void;
  /** The value has ended. */
  end(): void;
  /** The value; undefined: there is none, or none that this reader reads. */
  value(): unknown;
  /** If present, a list or an object is read by its elements. */
  open?(): void;
  /** An element has ended. */
  separate?(): void;
}
