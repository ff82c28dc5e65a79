const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
const LARGEST_FIRST = ['GiB', 'MiB', 'KiB'] as const;
const BYTE_SIZE = /^(\d+(?:\.\d+)?) ?([kmg]i?b|b)?$/i;

/**
 * Reads a size: a number with a unit (`64MiB`, `512KiB`, `1GB`, upper or lower case), or a number of
 * bytes. Returns whole bytes, or undefined if it is not a size.
 */
export function parseByteSize(value: unknown): number | undefined {
  const match = BYTE_SIZE.exec(
    typeof value === 'string' ? value.trim() : String(Number.isFinite(value) ? value : ''),
  );
  const factor = UNIT_BYTES[(match?.[2] ?? 'b').toLowerCase()];
  if (match === null || factor === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes whole bytes the shortest way that `parseByteSize` reads back. */
export function formatByteSize(bytes: number): string {
  const unit = LARGEST_FIRST.find((name) => bytes > 0 && bytes % bytesOf(name) === 0);
  return unit === undefined ? `${bytes}B` : `${bytes / bytesOf(unit)}${unit}`;
}

const bytesOf = (unit: (typeof LARGEST_FIRST)[number]) =>
  1024 ** (LARGEST_FIRST.length - LARGEST_FIRST.indexOf(unit));
