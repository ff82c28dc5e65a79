import { configJsonSchema } from '@openrouter-proxy/config';

/** As much of JSON Schema as the configuration's uses. */
interface Schema {
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

const HEAD = `# Configuration

\`config.yml\` is found by \`--config FILE\`, else by \`OPENROUTER_PROXY_CONFIG\`, else in the working directory. Everything but the keys has a default.
An ancestor's \`config.yml\` works unchanged. Unknown settings are errors, with a suggestion; all mistakes are told at once, each with its place, and the
launcher ends with exit code 78. \`kms config check\` tells them without a start, \`kms config show\` tells what is in effect and where it comes from.

[config.yml.example](../config.yml.example) has every setting with its default and a comment. Its first line lets editors complete and check it
(\`config.schema.json\`).

Durations are \`250ms\`, \`30s\`, \`5m\`, \`4h\`, or a number of seconds; sizes \`512KiB\`, \`64MiB\`, or a number of bytes. Relative paths start from the folder
of the file.

| environment variable          | meaning                                                                   |
| ----------------------------- | ------------------------------------------------------------------------- |
| \`OPENROUTER_KEYS\`             | keys, separated by commas, spaces or newlines, each as \`KEY\` or \`NAME=KEY\`, with comments (\`# …\`); replaces \`openrouter.keys\` |
| \`OPENROUTER_PROXY_ACCESS_KEY\` | replaces \`server.access_key\`                                              |
| \`OPENROUTER_PROXY_CONFIG\`     | the configuration file                                                    |
| \`REDIS_URL\`                   | replaces \`state.redis.url\`                                              |
| \`PORT\`                        | replaces \`server.port\`                                                  |

\`npm start -- --host HOST --port PORT\` comes before the variable \`PORT\` and before the file, for one start.

Under systemd, credentials named \`openrouter_keys\`, \`access_key\` and \`redis_url\` come before all of these. SIGHUP to the launcher, \`kms reload\` and
\`systemctl reload\` read everything again: all of it takes effect at once, or nothing. Only after a restart: \`server.host\`, \`server.port\`,
\`server.workers\`, \`server.log_format\`, \`server.enable_system_metrics\`, \`state_dir\`, \`state\`, \`kms.socket\`.
`;

/** docs/configuration.md, from the schema that validates the file. */
export function configurationPage(): string {
  const { properties = {} } = configJsonSchema() as Schema;
  const top = Object.entries(properties).filter(([, schema]) => schema.properties === undefined);
  const sections = Object.entries(properties).filter(([, schema]) => schema.properties);
  return [
    HEAD,
    ...sections.flatMap(([name, schema]) => sectionOf(name, schema)),
    '## Elsewhere in the file',
    tableOf('', Object.fromEntries(top)),
  ].join('\n\n');
}

function sectionOf(name: string, { description = '', properties = {} }: Schema): string[] {
  const plain = Object.entries(properties).filter(([, schema]) => schema.properties === undefined);
  const nested = Object.entries(properties).filter(([, schema]) => schema.properties);
  const entries = plain.flatMap(([field, schema]) => {
    const object = [schema.items, ...(schema.items?.anyOf ?? [])].find((one) => one?.properties);
    if (object?.properties === undefined) return [];
    return [
      `An entry of \`${name}.${field}\`${schema.items?.anyOf ? ', where it is not the key itself' : ''}:`,
      tableOf('', object.properties),
    ];
  });
  return [
    `## \`${name}\``,
    description,
    tableOf(`${name}.`, Object.fromEntries(plain)),
    ...entries,
    ...nested.flatMap(([field, schema]) => sectionOf(`${name}.${field}`, schema)),
  ];
}

function tableOf(prefix: string, properties: Readonly<Record<string, Schema>>): string {
  const rows = Object.entries(properties)
    .filter(([, { deprecated }]) => deprecated !== true)
    .map(
      ([name, schema]) =>
        `| \`${prefix}${name}\` | ${valueOf(schema)} | ${cell(schema.description ?? '')}${rangeOf(schema)} |`,
    );
  return ['| setting | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const valueOf = ({ default: value }: Schema) =>
  value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function rangeOf({ enum: words, minimum, maximum, type }: Schema): string {
  if (words !== undefined) return ` One of ${words.map((word) => `\`${word}\``).join(', ')}.`;
  const isNumber = type === 'integer';
  return isNumber && minimum !== undefined && maximum !== undefined
    ? ` ${minimum} to ${maximum}.`
    : '';
}
