const WHOLE = new Intl.NumberFormat('en');

/** A count, with separators between thousands. */
export const count = (value: number): string => WHOLE.format(value);

/** A part of a whole, as a percentage; a dash where there is no whole. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 1)} %`;
}

/** A noun after its number. */
export const plural = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
