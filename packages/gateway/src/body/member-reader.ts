/** Takes in the value of one member of a JSON object, in pieces. */
export interface MemberReader {
  /** Whether the rest of the value changes nothing: it is not read any more. */
  readonly isDone: boolean;
  /** A value begins, in the place of any before it. */
  begin(): void;
  /** Bytes of the value, without white space around it; of a list that is opened, those of one element. */
  add(bytes: Buffer): void;
  /** The value has ended. */
  end(): void;
  /** What was read; undefined: no value, or one that this does not read. */
  value(): unknown;
  /** Where present: the value is a list or an object, and is read by its elements. */
  open?(): void;
  /** An element has ended. */
  separate?(): void;
}
