import type { ConfigSource } from '../files/config-source.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import type { Override } from '../files/override.ts';
import { masked } from '../values/shown.ts';
import { dotted } from '../values/value-path.ts';

const MOST_LINES = 100;

/** Diagnostics as lines for a person, each with its place in the file, in the order of the file. */
export function describeDiagnostics(
  diagnostics: readonly Diagnostic[],
  { label, document }: ConfigSource,
  overrides: readonly Override[],
): string[] {
  const lines = diagnostics.map((diagnostic) => {
    const { path, text } = diagnostic;
    const override = overrides.find(({ path: replaced }) =>
      replaced.every((name, depth) => path[depth] === name),
    );
    if (override !== undefined) {
      return { line: Infinity, text: `${override.place}: ${entryText(diagnostic, override)}` };
    }
    const line = document.lineOf(path);
    const place = line === undefined ? '' : `${label}:${line}: `;
    const subject = path.length === 0 || diagnostic.standsAlone ? '' : `${dotted(path)}: `;
    return { line: line ?? Infinity, text: `${place}${subject}${text}` };
  });
  return capped(lines.sort((a, b) => compare(a.line, b.line)).map(({ text }) => masked(text)));
}

/** Problems of the file itself or of its YAML, as lines for a person. */
export function describeFileProblems({ label, failure, document }: ConfigSource): string[] {
  if (failure !== null) return [`${label}: the file ${failure}`];
  const { problems } = document;
  return capped(problems.map(({ line, column, text }) => `${label}:${line}:${column}: ${text}`));
}

/** Infinity minus itself is no number. */
const compare = (a: number, b: number) => (a === b ? 0 : a - b);

/** The text of a diagnostic about a list from outside the file, which names the entry by its place there. */
function entryText({ path, text }: Diagnostic, { path: list, entryPlaces = [] }: Override): string {
  const placeOf = (index: number) => entryPlaces[index] ?? `key ${index + 1}`;
  const index = path[list.length];
  const entry = typeof index === 'number' ? `${placeOf(index)} ` : '';
  const part = path.at(-1) === 'name' ? `(its name) ` : '';
  const ofFile = `${dotted(list)}[`;
  const about = text.replaceAll(/(\S+\[)(\d+)\]/g, (whole, head: string, other: string) =>
    head === ofFile ? placeOf(Number(other)) : whole,
  );
  return `${entry}${part}${about}`;
}

function capped(lines: readonly string[]): string[] {
  if (lines.length <= MOST_LINES) return [...lines];
  return [...lines.slice(0, MOST_LINES), `… and ${lines.length - MOST_LINES} more`];
}
