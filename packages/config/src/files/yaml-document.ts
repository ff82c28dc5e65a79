import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Alias, Document } from 'yaml';
import { describeYamlError } from './yaml-error.ts';

const MAX_ALIASES = 20;
const FORBIDDEN_KEYS = new Map([
  ['<<', 'merge keys (`<<`) are not taken: write the values out'],
  ['__proto__', '`__proto__` cannot be a key'],
]);

/** A YAML error. Line and column count from 1. */
export interface YamlProblem {
  readonly line: number;
  readonly column: number;
  /** Quotes nothing of the text, which may hold secrets. */
  readonly text: string;
}

/** A YAML text as plain data, with line numbers. */
export interface YamlDocument {
  /** Undefined if the text is not valid YAML; null if it is empty. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** The line of the value at a path, or of its nearest parent that exists; undefined in an empty text. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
}

interface Fault {
  readonly offset: number;
  readonly text: string;
}

/** Reads one YAML 1.2 document of the core schema. Never throws. */
export function readYaml(source: string): YamlDocument {
  const lines = new LineCounter();
  const toProblem = ({ offset, text }: Fault): YamlProblem => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1), text };
  };
  try {
    const document = parseDocument(source, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      resolveKnownTags: false,
      uniqueKeys: false, // compared pair by pair, which takes minutes in a large mapping
    });
    const [syntaxFault] = syntaxFaults(document).sort((a, b) => a.offset - b.offset);
    // Later errors are mostly consequences of the first.
    const faults = syntaxFault === undefined ? refusedConstructs(document) : [syntaxFault];
    const repeated = syntaxFault === undefined ? repeatedKeys(document) : [];
    return {
      value: faults.length === 0 ? document.toJS({ maxAliasCount: -1 }) : undefined,
      problems: [...faults, ...repeated].map(toProblem),
      lineOf(path) {
        const offset = offsetOf(document, path);
        return offset === undefined ? undefined : lines.linePos(offset).line;
      },
    };
  } catch {
    // The parser recurses: a RangeError is its stack overflow, which has no position.
    const problem = { line: 1, column: 1, text: 'the text is nested too deeply' };
    return { value: undefined, problems: [problem], lineOf: () => undefined };
  }
}

function syntaxFaults({ errors, warnings, directives }: Document.Parsed): Fault[] {
  const faults = [...errors, ...warnings].map(({ code, pos }) => ({
    offset: pos[0],
    text: describeYamlError(code),
  }));
  if (directives.yaml.version === '1.2') return faults;
  return [...faults, { offset: 0, text: 'only YAML 1.2 is taken: remove the line `%YAML`' }];
}

function refusedConstructs(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  let aliases = 0;
  visit(document, {
    Alias(_position, alias) {
      aliases += 1;
      const text = aliasFault(document, alias, aliases);
      if (text !== undefined) faults.push({ offset: startOf(alias), text });
      return aliases > MAX_ALIASES ? visit.BREAK : undefined;
    },
    Pair(_position, { key }) {
      const text = FORBIDDEN_KEYS.get(nameOf(key) ?? '');
      if (text !== undefined) faults.push({ offset: startOf(key), text });
    },
  });
  return faults;
}

/** Limits aliases, and refuses one inside its own anchor: expanding them must not exhaust memory. */
function aliasFault(document: Document.Parsed, alias: Alias, count: number): string | undefined {
  if (count > MAX_ALIASES) {
    return `more than ${MAX_ALIASES} aliases (\`*name\`): write the values out`;
  }
  const anchored = alias.resolve(document);
  if (anchored === undefined) return describeYamlError('BAD_ALIAS');
  const [start, end] = anchored.range ?? [0, 0];
  const isInside = startOf(alias) >= start && startOf(alias) < end;
  return isInside ? 'this alias stands for something that it is in itself' : undefined;
}

function repeatedKeys(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  visit(document, {
    Map(_position, { items }) {
      const seen = new Set<string | undefined>();
      for (const { key } of items) {
        const offset = startOf(key);
        if (seen.has(nameOf(key)))
          faults.push({ offset, text: describeYamlError('DUPLICATE_KEY') });
        seen.add(nameOf(key));
      }
    },
  });
  return faults;
}

/** The offset of the value at a path, or of its nearest parent that exists. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (const segment of path) {
    const whole = isAlias(node) ? node.resolve(document) : node;
    if (isMap(whole)) {
      const pair = whole.items.findLast(({ key }) => nameOf(key) === segment);
      if (pair === undefined) break;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq(whole) && typeof segment === 'number' && segment < whole.items.length) {
      node = whole.items[segment];
      offset = startOf(node);
    } else break;
  }
  return offset;
}

const nameOf = (key: unknown) => (isScalar(key) ? String(key.value) : undefined);

const startOf = (value: unknown) => (isNode(value) ? (value.range?.[0] ?? 0) : 0);
