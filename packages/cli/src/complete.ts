import type { Command, CommandOption } from './commands/command.ts';
import { withKms } from './connection/connection.ts';
import { allKeys } from './arguments/find-key.ts';
import type { Io } from './connection/io.ts';
import { plain } from '@openrouter-proxy/runtime';

/** A completion candidate, with a description. */
interface Candidate {
  readonly word: string;
  readonly means: string;
}

/** Options of every command. */
export const GLOBAL_OPTIONS = [
  { flags: '--socket <path>', description: "the key service's socket" },
  { flags: '--config <file>', description: 'the configuration that says where the socket is' },
  { flags: '--json', description: 'print JSON, for programs' },
  { flags: '--no-color', description: 'print without colours' },
] as const;

const flagOf = (flags: string) => flags.split(' ')[0] ?? flags;

/**
 * Candidates for the last of these words: commands, options, option values, keys. `:files` requests the
 * shell's own completion of files.
 */
export async function candidates(
  commands: readonly Command[],
  words: readonly string[],
  keys: () => Promise<readonly Candidate[]>,
): Promise<Candidate[]> {
  const [current = '', ...before] = words.toReversed();
  const said = before.toReversed().filter((word) => !word.startsWith('-'));
  const command = commands.find(({ name }) => startsWithName(said, name));
  const fits = ({ word }: Candidate) => word.startsWith(current);
  if (command === undefined) return firstWords(commands, said).filter(fits);
  const all: readonly CommandOption[] = [...(command.options ?? []), ...GLOBAL_OPTIONS];
  const open = all.find(({ flags }) => flags.includes('<') && flagOf(flags) === before[0]);
  if (open !== undefined) return valuesOf(open).filter(isFilesOr(fits));
  if (current.startsWith('-')) {
    return all
      .map(({ flags, description }) => ({ word: flagOf(flags), means: description }))
      .filter(fits);
  }
  return (await argumentsOf(command, keys)).filter(isFilesOr(fits));
}

const FILES: Candidate = { word: ':files', means: '' };
const isFilesOr = (fits: (candidate: Candidate) => boolean) => (candidate: Candidate) =>
  candidate === FILES || fits(candidate);

function valuesOf({ choices = [], description }: CommandOption): Candidate[] {
  return choices.length === 0 ? [FILES] : choices.map((word) => ({ word, means: description }));
}

async function argumentsOf(
  { argument }: Command,
  keys: () => Promise<readonly Candidate[]>,
): Promise<readonly Candidate[]> {
  switch (argument?.kind) {
    case 'key':
      return keys();
    case 'file':
      return [FILES];
    case 'shell':
      return (argument.choices ?? []).map((word) => ({ word, means: '' }));
    default:
      return [];
  }
}

const startsWithName = (words: readonly string[], name: string) =>
  name.split(' ').every((part, index) => words[index] === part);

function firstWords(commands: readonly Command[], said: readonly string[]): Candidate[] {
  const depth = said.length;
  const possible = commands.filter(({ name }) =>
    said.every((word, index) => name.split(' ')[index] === word),
  );
  const byWord = Map.groupBy(possible, ({ name }) => name.split(' ')[depth] ?? '');
  return [...byWord].flatMap(([word, [first]]) =>
    word === '' || first === undefined ? [] : [{ word, means: first.summary }],
  );
}

/** The names of the keys; none if the service cannot be reached. */
export async function keyCandidates(io: Io): Promise<Candidate[]> {
  try {
    const found = await withKms({}, io, allKeys);
    return found.map(({ name, keyId }) => ({ word: plain(name), means: keyId }));
  } catch {
    return []; // completion cannot show an error
  }
}
