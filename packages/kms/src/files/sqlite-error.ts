/** The SQLite result codes that this program distinguishes (sqlite.org/rescode.html). */
const SQLITE_CODE = { ERROR: 1, BUSY: 5, READONLY: 8, CORRUPT: 11, NOTADB: 26 } as const;

/** Whether an error is an SQLite error with one of these codes. */
export function isSqliteError(
  error: unknown,
  ...names: readonly (keyof typeof SQLITE_CODE)[]
): boolean {
  if (!(error instanceof Error && 'errcode' in error)) return false;
  const primary = Number(error.errcode) & 0xff; // the other bits are details
  return names.some((name) => SQLITE_CODE[name] === primary);
}
