import { COMMANDS } from '../../packages/cli/src/commands/index.ts';
import { GLOBAL_OPTIONS } from '../../packages/cli/src/complete.ts';
import type { Command } from '../../packages/cli/src/command.ts';

const HEAD = `# The KMS CLI

\`kms\` looks at the key management service and operates it. Run it as the user that runs the service, as root, or, under systemd, as a member of the group
\`openrouter-proxy\`: \`kms status\`; from a checkout: \`npm run kms -- status\`. No secret is ever printed.

It finds the service's socket in the configuration, which it finds as a start does: \`--config FILE\`, else \`OPENROUTER_PROXY_CONFIG\`, else \`./config.yml\`.
\`--socket PATH\` names it directly. A configuration that cannot be read does not stand in the way of a service whose socket is at the default place beside it.

A key is named by its name, its id, or the beginning of its id (four digits at least). Times are \`90s\`, \`10m\`, \`4h\`, \`2d\`, or a number of seconds.

| exit code | means                                                             |
| --------- | ----------------------------------------------------------------- |
| 0         | done                                                              |
| 1         | refused: by the service, or because of what was found             |
| 2         | the command line means nothing                                    |
| 69        | the key service cannot be reached, with a hint about what to do   |

Tables are for people: they fit the terminal, times stand both ways, and there are colours on a terminal only, never with \`NO_COLOR\` or \`--no-color\`.
Programs take \`--json\`: a document whose shape is that of the protocol (\`packages/kms-protocol/src/contract.ts\`), which only grows. Instants in it are
milliseconds since 1970.
`;

const COMPLETION = `## Completion

\`\`\`sh
kms completion bash > /etc/bash_completion.d/kms
kms completion zsh > "\${fpath[1]}/_kms"
kms completion fish > ~/.config/fish/completions/kms.fish
\`\`\`

Commands, options, their values and the names of keys are completed.`;

/** docs/cli.md, from the table of commands. */
export function cliPage(): string {
  const overview = COMMANDS.map(({ name, summary }) => `| \`kms ${name}\` | ${summary} |`);
  const options = GLOBAL_OPTIONS.map(
    ({ flags, description }) => `| \`${flags}\` | ${description} |`,
  );
  return [
    HEAD,
    ['| command | does |', '| --- | --- |', ...overview].join('\n'),
    'Every command takes:',
    ['| option | means |', '| --- | --- |', ...options].join('\n'),
    ...COMMANDS.flatMap(commandOf),
    COMPLETION,
  ].join('\n\n');
}

function commandOf({ name, summary, argument, options = [], examples, json }: Command): string[] {
  const usage = [`kms ${name}`, ...(argument ? [`<${argument.name}>`] : [])].join(' ');
  const rows = options.map(({ flags, description, choices, required }) => {
    const values = choices === undefined ? '' : ` (${choices.join(', ')})`;
    return `| \`${flags}\` | ${description}${values}${required === true ? '; required' : ''} |`;
  });
  const lines = examples.map(([line, does]) => `${line.padEnd(48)}  # ${does}`);
  return [
    `## \`${usage}\``,
    `${summary}.${argument === undefined ? '' : ` \`${argument.name}\`: ${argument.description}.`}`,
    ...(rows.length === 0 ? [] : [['| option | means |', '| --- | --- |', ...rows].join('\n')]),
    ['```sh', ...lines, '```'].join('\n'),
    `\`--json\` prints ${json}.`,
  ];
}
