export { formatCost } from '@openrouter-proxy/kms-protocol/words';

const COMPACT = [
  { from: 1e12, divisor: 1e12, unit: 'T' },
  { from: 999_950_000, divisor: 1e9, unit: 'G' },
  { from: 999_950, divisor: 1e6, unit: 'M' },
  { from: 10_000, divisor: 1e3, unit: 'k' },
] as const;

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const digits = (most: number, least = 0) =>
  new Intl.NumberFormat('en', { minimumFractionDigits: least, maximumFractionDigits: most });
const oneDigit = digits(1);
const twoDigits = digits(2);

/** A number of things: `1,234`, from ten thousand on `12.3k`, `4.5M`. */
export function formatCount(count: number): string {
  const step = COMPACT.find(({ from }) => count >= from);
  return step ? `${oneDigit.format(count / step.divisor)}${step.unit}` : whole.format(count);
}

/** Things per second: `0.25`, `12.3`, `12.3k`. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 100) return formatCount(perSecond);
  return (perSecond >= 10 ? oneDigit : twoDigits).format(perSecond);
}

/** A part of a whole: `98.7 %`; never a `100 %` or `0 %` that is only nearly so. Of nothing: `–`. */
export function formatShare(part: number, all: number): string {
  if (all <= 0) return '–';
  const percent = (100 * part) / all;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent < 100 && percent > 99.9) return '> 99.9 %';
  return `${oneDigit.format(percent)} %`;
}

/** Bytes: `512 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let step = 0;
  let rest = bytes;
  while (rest >= 1024 && step < units.length - 1) {
    rest /= 1024;
    step += 1;
  }
  return `${oneDigit.format(rest)} ${units[step] ?? ''}`;
}
