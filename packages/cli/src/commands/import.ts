import { lstat, open, readFile } from 'node:fs/promises';
import { printJson, type Command } from './command.ts';
import { Failure } from '../connection/failure.ts';
import { importKeys, type ImportFormat, type Imported } from '../arguments/key-import.ts';
import { plural } from '../terminal/number.ts';
import { plain } from '@openrouter-proxy/runtime';
import { quoted } from '../terminal/quoted.ts';

const FORMATS = ['ancestor', 'gpt-load', 'env'] as const satisfies readonly ImportFormat[];
const LARGEST_BYTES = 4 * 2 ** 20;

const isFormat = (value: unknown): value is ImportFormat =>
  FORMATS.some((known) => known === value);

export const importCommand: Command = {
  name: 'import',
  summary: 'Make a config.yml of the keys another gateway has',
  argument: {
    name: 'file',
    description: "an ancestor's config.yml, what gpt-load exports, a .env file, or a list of keys",
    kind: 'file',
  },
  options: [
    {
      flags: '--format <name>',
      description: 'what the file is, if it is not seen from what is in it',
      choices: FORMATS,
    },
    {
      flags: '--output <file>',
      description: 'what to write, for its owner alone; it must not be there yet',
    },
  ],
  examples: [
    ['kms import .env', 'what would be found'],
    ['kms import .env --output config.yml', 'writes it; then: kms config check'],
  ],
  json: '`{"format", "keys": [names], "written": file or null}`',
  run: async (context, file, { format, output }) => {
    if (format !== undefined && !isFormat(format)) {
      throw new Failure('usage', `--format must be one of ${FORMATS.join(', ')}.`);
    }
    const found = importKeys(await read(file), format);
    if (found.names.length === 0) {
      throw new Failure('refused', `There is no OpenRouter key (sk-or-…) in ${quoted(file)}.`);
    }
    const written = typeof output === 'string' ? output : null;
    if (written !== null) await write(written, found.config);
    if (context.json) printJson(context, { format: found.format, keys: found.names, written });
    else context.io.out(importText(found, written));
    return 'done';
  },
};

async function read(file: string): Promise<string> {
  try {
    const { size } = await lstat(file);
    if (size > LARGEST_BYTES)
      throw new Failure('refused', `${quoted(file)} is too large for a list of keys.`);
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('refused', `${quoted(file)} cannot be read: ${reasonOf(cause)}.`, { cause });
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(text);
  } catch (cause) {
    const message = `${quoted(file)} cannot be written: ${reasonOf(cause)}. Nothing that is there is replaced.`;
    throw new Failure('refused', message, { cause });
  }
}

const reasonOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'it cannot be opened';

function importText({ format, names }: Imported, written: string | null): string {
  const next =
    written === null
      ? 'Nothing was written: name a file with --output FILE.'
      : `Written to ${plain(written)}, for you alone. Next: kms config check --config ${plain(written)}`;
  return `${plural(names.length, 'key')} (${format}): ${plain(names.join(', '))}\n${next}\n`;
}
