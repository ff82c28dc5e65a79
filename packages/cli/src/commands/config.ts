import type { LoadedConfig } from '@openrouter-proxy/config';
import { printJson, type Command, type Context } from '../command.ts';
import { plain } from '../terminal/plain.ts';
import { table, type Column } from '../terminal/table.ts';

/** Reads the configuration exactly as a start would. */
async function load({ io, where }: Context): Promise<LoadedConfig> {
  const { loadConfig } = await import('@openrouter-proxy/config');
  return loadConfig({ path: where.config, env: io.env, cwd: io.cwd });
}

/** Does something with a configuration that a start could use; of any other, says what is wrong. */
async function withConfig(context: Context, use: (loaded: LoadedConfig) => void) {
  try {
    use(await load(context));
    return 'done' as const;
  } catch (error) {
    const { StartupError } = await import('@openrouter-proxy/runtime'); // not for every command
    if (!(error instanceof StartupError)) throw error;
    const { problems } = error;
    if (context.json) printJson(context, { valid: false, problems, warnings: [] });
    else context.io.err(problems.map((problem) => `${plain(problem)}\n`).join(''));
    return 'refused' as const;
  }
}

export const configCheck: Command = {
  name: 'config check',
  summary: 'Whether a start could use the configuration; every mistake, with its place',
  examples: [['kms config check --config new.yml', 'before it replaces the old one']],
  json: '`{"valid": …, "problems": […], "warnings": […]}`',
  run: (context) =>
    withConfig(context, ({ file, warnings, config }) => {
      if (context.json) {
        printJson(context, { valid: true, problems: [], warnings });
        return;
      }
      const { io, paint } = context;
      for (const warning of warnings) io.err(`${paint('warn', 'warning')}: ${plain(warning)}\n`);
      const keys = config.openrouter.keys.length;
      const place = file ?? 'no file, only the environment and defaults';
      io.out(
        `${paint('good', 'valid')}: ${plain(place)}, ${keys} ${keys === 1 ? 'key' : 'keys'}\n`,
      );
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
    withConfig(context, ({ file, settings }) => {
      const { io, paint } = context;
      if (context.json) {
        printJson(context, { file, settings });
        return;
      }
      // What a service was started with, nobody but the service knows.
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
    }),
};
