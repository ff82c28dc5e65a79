import type { LoadedConfig } from '@openrouter-proxy/config';
import { connectToUnixSocket } from '@openrouter-proxy/kms-protocol';
import { printJson, type Command, type Context } from './command.ts';
import type { Ending } from '../connection/failure.ts';
import { plain } from '@openrouter-proxy/runtime';
import { table, type Column } from '../terminal/table.ts';

/** Loads the configuration as a start does, but accepts one without keys. */
async function load({ io, where }: Context): Promise<LoadedConfig> {
  const { loadConfig } = await import('@openrouter-proxy/config');
  return loadConfig({ path: where.config, env: io.env, cwd: io.cwd, needsKeys: false });
}

/** A note that a service runs although this shell's configuration has no key; null if none answers. */
async function keysElsewhere({ kms: { socket } }: LoadedConfig['config']): Promise<string | null> {
  try {
    const connection = await connectToUnixSocket(socket);
    connection.destroy();
    return `The service that runs on ${socket} may have been started with others: see \`kms keys\`.`;
  } catch {
    return null;
  }
}

/** Runs `use` with a valid configuration; prints the problems of an invalid one. */
async function withConfig(
  context: Context,
  use: (loaded: LoadedConfig) => Ending | Promise<Ending>,
): Promise<Ending> {
  try {
    return await use(await load(context));
  } catch (error) {
    const { StartupError } = await import('@openrouter-proxy/runtime'); // loaded on demand, for speed
    if (!(error instanceof StartupError)) throw error;
    return refused(context, error.problems);
  }
}

function refused(context: Context, problems: readonly string[]): Ending {
  if (context.json) printJson(context, { valid: false, problems, warnings: [] });
  else context.io.err(problems.map((problem) => `${plain(problem)}\n`).join(''));
  return 'refused';
}

export const configCheck: Command = {
  name: 'config check',
  summary: 'Whether a start could use the configuration; every mistake, with its place',
  examples: [['kms config check --config new.yml', 'before it replaces the old one']],
  json: '`{"valid": …, "problems": […], "warnings": […]}`',
  run: (context) =>
    withConfig(context, async ({ file, warnings, config, missingKeys }) => {
      if (missingKeys.length > 0) {
        const elsewhere = await keysElsewhere(config);
        return refused(context, elsewhere === null ? missingKeys : [...missingKeys, elsewhere]);
      }
      if (context.json) {
        printJson(context, { valid: true, problems: [], warnings });
        return 'done' as const;
      }
      const { io, paint } = context;
      for (const warning of warnings) io.err(`${paint('warn', 'warning')}: ${plain(warning)}\n`);
      const keys = config.openrouter.keys.length;
      const place = file ?? 'no file, only the environment and defaults';
      io.out(
        `${paint('good', 'valid')}: ${plain(place)}, ${keys} ${keys === 1 ? 'key' : 'keys'}\n`,
      );
      return 'done' as const;
    }),
};

const COLUMNS: readonly Column[] = [
  { title: 'SETTING', shrinksTo: 24 },
  { title: 'VALUE', shrinksTo: 16 },
  { title: 'FROM', shrinksTo: 12 },
];

export const configShow: Command = {
  name: 'config show',
  summary: 'The configuration as this shell would load it, and where each value comes from',
  examples: [
    ['kms config show', 'all settings'],
    ['kms config show --json | jq \'.settings[] | select(.origin != "default")\'', 'what was set'],
  ],
  json: '`{"file": …, "settings": [{"setting", "value", "origin", "place"}, …]}`',
  run: (context) =>
    withConfig(context, async ({ file, settings, config, missingKeys }) => {
      const { io, paint } = context;
      if (context.json) {
        printJson(context, { file, settings });
        return 'done' as const;
      }
      // Only the service knows its own environment.
      const place = plain(file ?? 'no file, only the environment and defaults');
      io.out(`${paint('quiet', `${place}, as this shell would load it`)}\n`);
      const rows = settings.map(({ setting, value, origin, place }) => [
        setting,
        value ?? { text: '(none)', tone: 'quiet' as const },
        origin === 'default'
          ? { text: 'default', tone: 'quiet' as const }
          : { text: place ?? origin, tone: 'strong' as const },
      ]);
      io.out(table(COLUMNS, rows, { width: io.columns, paint }));
      if (missingKeys.length > 0) {
        const elsewhere = await keysElsewhere(config);
        const note = elsewhere ?? 'A start needs one: `kms config check` says how to give it.';
        io.err(`${paint('warn', 'note')}: This shell has no OpenRouter key. ${plain(note)}\n`);
      }
      return 'done' as const;
    }),
};
