import { plain } from '@openrouter-proxy/runtime';
import { textWidth } from './text-width.ts';
import type { Paint, Tone } from './style.ts';

/** A column, by its title. */
export interface Column {
  readonly title: string;
  /** For numbers. */
  readonly align?: 'right';
  /** The minimum width: the text wraps when the terminal is narrow. Without it, the column never wraps. */
  readonly shrinksTo?: number;
}

/** The text of a cell, and its tone. */
export interface Cell {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** Options of a table. */
export interface TableLook {
  readonly width: number;
  readonly paint: Paint;
}

const GAP = '  ';

/** Formats a table. It fits the terminal if its columns can shrink enough. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  { width, paint }: TableLook,
): string {
  const cells = rows.map((row) => row.map(asCell));
  const widths = fitted(columns, cells, width);
  const head = columns.map(({ title }): Cell => ({ text: title, tone: 'quiet' }));
  const line = (row: readonly Cell[]) => drawn(row, columns, widths, paint);
  return [head, ...cells].map(line).join('');
}

const asCell = (cell: Cell | string): Cell =>
  typeof cell === 'string' ? { text: plain(cell) } : { ...cell, text: plain(cell.text) };

/** The width of each column: its natural width, shrunk from the widest column on until the table fits. */
function fitted(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(textWidth(title), ...rows.map((row) => textWidth(row[index]?.text ?? ''))),
  );
  const room = width - GAP.length * (columns.length - 1);
  for (;;) {
    const excess = widths.reduce((sum, one) => sum + one, 0) - room;
    if (excess <= 0) return widths;
    const spare = (index: number) => {
      const least = Math.max(columns[index]?.shrinksTo ?? Infinity, 1);
      return Math.max(0, (widths[index] ?? 0) - least);
    };
    const shrinkable = [...widths.keys()].filter((index) => spare(index) > 0);
    const widest = shrinkable.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) return widths;
    const next = widths[shrinkable[1] ?? -1] ?? 0;
    const over = Math.max(1, (widths[widest] ?? 0) - next);
    widths[widest] = (widths[widest] ?? 0) - Math.min(excess, spare(widest), over);
  }
}

function drawn(
  row: readonly Cell[],
  columns: readonly Column[],
  widths: readonly number[],
  paint: Paint,
): string {
  const wrapped = row.map(({ text }, index) => wrap(text, widths[index] ?? 0));
  const height = Math.max(1, ...wrapped.map((lines) => lines.length));
  const lines = Array.from({ length: height }, (_, level) =>
    row
      .map(({ tone }, index) => {
        const text = wrapped[index]?.[level] ?? '';
        const blank = ' '.repeat(Math.max(0, (widths[index] ?? 0) - textWidth(text)));
        const painted = text === '' ? '' : paint(tone, text);
        return columns[index]?.align === 'right' ? blank + painted : painted + blank;
      })
      .join(GAP)
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** Breaks text into lines no wider than `width`: between words, and within one that is too long. */
export function wrap(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => chopped(long, width))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer) <= width) {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function chopped(word: string, width: number): string[] {
  const parts: string[] = [''];
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    const last = parts.at(-1) ?? '';
    if (last !== '' && textWidth(last + segment) > width) parts.push(segment);
    else parts[parts.length - 1] = last + segment;
  }
  return parts;
}
