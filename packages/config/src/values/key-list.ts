/** One key of a list, with neither name nor key validated. */
export interface ListedKey {
  readonly name: string | null;
  readonly key: string;
  /** Its place, for messages: `line 3`, `line 3, key 2`, or `key 2` of a list in one line. */
  readonly place: string;
}

const COMMENT = /(?:^|\s)#.*$/;
const EQUALS = /\s*=\s*/g;
const NAMED = /^(?!sk-or-)(?<name>[^=]*)=(?<key>.*)$/s;
const QUOTED = /^(?<quote>["'])(?<text>.*)\k<quote>$/s;

/**
 * Reads a list of keys: separated by commas, spaces or newlines, each with or without a name in
 * front (`name = key`). Comments (`# …`) and blank lines are skipped.
 */
export function readKeyList(text: string): ListedKey[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(COMMENT, '').trim());
  const isOneLine = text.trim().split('\n').length === 1;
  return lines.flatMap((line, index) => {
    const words = wordsOf(line);
    return words.map((word, position) => ({
      ...named(word),
      place: placeOf(isOneLine ? null : index + 1, words.length > 1 ? position + 1 : null),
    }));
  });
}

/** A line without any key is reported as one problem, not one for each word. */
function wordsOf(line: string): string[] {
  if (line === '') return [];
  if (!line.includes('sk-or-')) return [line];
  return line
    .replaceAll(EQUALS, '=')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
}

function named(word: string): Omit<ListedKey, 'place'> {
  const { name, key } = NAMED.exec(word)?.groups ?? {};
  if (name === undefined || key === undefined) return { name: null, key: unquoted(word) };
  return { name: unquoted(name.trim()), key: unquoted(key.trim()) };
}

const unquoted = (text: string) => QUOTED.exec(text)?.groups?.['text'] ?? text;

function placeOf(line: number | null, position: number | null): string {
  if (line === null) return `key ${position ?? 1}`;
  return position === null ? `line ${line}` : `line ${line}, key ${position}`;
}
