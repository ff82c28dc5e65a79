/** The formats of key files. */
export type ImportFormat = 'ancestor' | 'gpt-load' | 'env';

/** Imported keys, and a configuration that holds them. */
export interface Imported {
  readonly format: ImportFormat;
  /** The keys' names. */
  readonly names: readonly string[];
  /** The text of a config.yml, keys included. */
  readonly config: string;
}

interface NamedKey {
  readonly name: string | null;
  readonly key: string;
}

const KEY = /sk-or-[\w-]{8,200}/g;
const ASSIGNMENT = /^\s*(?:export\s+)?(?<variable>[\w.@-]{1,64})\s*=(?<value>.*)$/;
const COMMENT = /(?:^|\s)#.*$/gm;

/** Finds keys in another program's file. Without a given format, the text decides. */
export function importKeys(file: string, given?: ImportFormat): Imported {
  // A key in a comment is out of use. JSON has no comments.
  const text = /^\s*[[{]/.test(file) ? file : file.replaceAll(COMMENT, '');
  const format = given ?? detect(text);
  const keys = distinct(format === 'env' ? ofVariables(text) : everyKey(text));
  const names = keys.map(({ name }, index) => name ?? `key-${index + 1}`);
  // A config.yml of an ancestor works unchanged.
  return { format, names, config: format === 'ancestor' ? file : configOf(keys) };
}

function detect(text: string): ImportFormat {
  if (/^openrouter:\s*$/m.test(text) && /^\s+keys:/m.test(text)) return 'ancestor';
  const isEnv = text.split('\n').some((line) => ASSIGNMENT.test(line) && line.includes('sk-or-'));
  return isEnv ? 'env' : 'gpt-load';
}

/** Keys anywhere in the text: lists and gpt-load's exports hold them in lines or in JSON. */
const everyKey = (text: string): NamedKey[] =>
  Array.from(text.matchAll(KEY), ([key]) => ({ name: null, key }));

/** Names the keys: a name with several keys gets numbers, also from lines without a name. */
function ofVariables(text: string): NamedKey[] {
  return text.split('\n').flatMap((line) => {
    const { variable, value = '' } = ASSIGNMENT.exec(line)?.groups ?? {};
    if (variable === undefined) return everyKey(line);
    const keys = value.match(KEY) ?? [];
    return keys.map((key, index) => ({
      key,
      name: nameOf(variable, keys.length > 1 ? index + 1 : null),
    }));
  });
}

const ENVIRONMENT_VARIABLE = /^[A-Z_][A-Z0-9_]*$/;

/** A variable's name in lower case; other names lose characters that the configuration refuses. */
function nameOf(variable: string, number: number | null): string {
  const isVariable = ENVIRONMENT_VARIABLE.test(variable);
  const name = isVariable ? variable.toLowerCase().replaceAll('_', '-') : variable;
  return number === null ? name : `${name.slice(0, 56)}-${number}`;
}

function distinct(keys: readonly NamedKey[]): NamedKey[] {
  const names = new Set<string>();
  const first = [...Map.groupBy(keys, ({ key }) => key).values()].flatMap(([named]) => named ?? []);
  return first.map(({ key, name }) => {
    const isTaken = name === null || names.has(name);
    if (name !== null) names.add(name);
    return { key, name: isTaken ? null : name };
  });
}

/** JSON strings are valid YAML. */
function configOf(keys: readonly NamedKey[]): string {
  const lines = keys.map(({ key, name }) =>
    name === null
      ? `    - ${JSON.stringify(key)}`
      : `    - { name: ${JSON.stringify(name)}, key: ${JSON.stringify(key)} }`,
  );
  return `# Made by \`kms import\`. All other settings are in config.yml.example.\nopenrouter:\n  keys:\n${lines.join('\n')}\n`;
}
