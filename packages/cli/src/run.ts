import { Argument, Command as Program, CommanderError, Option } from 'commander';
import type { Command, Options } from './commands/command.ts';
import { COMMANDS } from './commands/index.ts';
import { candidates, GLOBAL_OPTIONS, keyCandidates } from './complete.ts';
import { EXIT_CODE, Failure, type Ending } from './connection/failure.ts';
import type { Io } from './connection/io.ts';
import { packageVersion, plain } from '@openrouter-proxy/runtime';
import { masked, quoted } from './terminal/quoted.ts';
import { painter } from './terminal/style.ts';

const EXIT_HELP =
  'Exit codes: 0 done, 1 refused, 2 wrong usage, 69 the key service cannot be reached';

const GROUPS: Readonly<Record<string, string>> = {
  config: 'Look at the configuration as a start would read it',
};

const version = () => packageVersion(new URL('../package.json', import.meta.url));

/** Runs a command line. Returns the exit code. */
export async function run(args: readonly string[], given: Io): Promise<number> {
  const io = withoutKeys(given);
  if (args[0] === '__complete') {
    const words = args.slice(args[1] === '--' ? 2 : 1);
    const found = await candidates(COMMANDS, words, () => keyCandidates(io));
    io.out(found.map(({ word, means }) => `${word}\t${means}\n`).join(''));
    return EXIT_CODE.done;
  }
  let ending: Ending = 'done';
  const program = programOf(io, (ended) => (ending = ended));
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT_CODE[ending];
  } catch (error) {
    return explain(error, io);
  }
}

/** Masks OpenRouter keys in all output. */
function withoutKeys(io: Io): Io {
  const safe: Pick<Io, 'out' | 'err'> = {
    out: (text) => io.out(masked(text)),
    err: (text) => io.err(masked(text)),
  };
  return Object.assign(Object.create(io) as Io, safe); // keeps getters, such as the terminal's width
}

function explain(error: unknown, io: Io): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? EXIT_CODE.done : EXIT_CODE.usage;
  if (io.interrupted.aborted) return EXIT_CODE.done;
  if (error instanceof Failure) {
    io.err(`kms: ${error.message}\n`);
    return EXIT_CODE[error.ending];
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  io.err(`kms: something went wrong that should not: ${plain(what)}\n`);
  return EXIT_CODE.refused;
}

/** Builds the commander program from the table of commands. */
function programOf(io: Io, ended: (ending: Ending) => void): Program {
  const program = new Program('kms')
    .description('Looks at the key management service of openrouter-proxy, and operates it.')
    .version(version())
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      getOutHelpWidth: () => Math.min(io.columns, 100),
      getErrHelpWidth: () => Math.min(io.columns, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      // An argument may be a misplaced secret, or hold control characters.
      outputError: (text, write) => write(`kms: ${plain(complaint(text))}\nSee kms --help.\n`),
    })
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', `\nEach command has --help of its own, with examples.\n${EXIT_HELP}`);
  for (const { flags, description } of GLOBAL_OPTIONS) program.option(flags, description);
  const groups = new Map<string, Program>();
  for (const command of COMMANDS) {
    const [first = '', second] = command.name.split(' ');
    let parent = program;
    if (second !== undefined) {
      parent = groups.get(first) ?? program.command(first).description(GROUPS[first] ?? '');
      groups.set(first, parent);
    }
    addCommand(parent, second ?? first, command, io, ended);
  }
  return program;
}

/** Commander's message without quoted arguments, which may be secrets. */
const complaint = (text: string) =>
  text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ')
    .replaceAll(/'([^']*)'/g, (_whole, said: string) => quoted(said));

function addCommand(
  parent: Program,
  name: string,
  command: Command,
  io: Io,
  ended: (ending: Ending) => void,
): void {
  const { argument, options = [], examples, summary } = command;
  const added = parent.command(name).description(summary);
  if (argument !== undefined) {
    added.addArgument(new Argument(`<${argument.name}>`, argument.description));
  }
  for (const { flags, description, choices, required = false } of options) {
    const option = new Option(flags, description).makeOptionMandatory(required);
    added.addOption(choices === undefined ? option : option.choices([...choices]));
  }
  const lines = examples.map(([line, does]) => `  ${line}\n      ${does}`);
  added.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  added.action(async (...given: unknown[]) => {
    const invoked = given.at(-1) as Program; // commander's own last argument
    const all = invoked.optsWithGlobals<Options & { json?: boolean; color?: boolean }>();
    const context = {
      io,
      where: { socket: textOf(all['socket']), config: textOf(all['config']) },
      json: all.json === true,
      paint: painter(io.colour && all.color !== false),
    };
    ended(
      await command.run(context, argument === undefined ? '' : String(given[0]), invoked.opts()),
    );
  });
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);
