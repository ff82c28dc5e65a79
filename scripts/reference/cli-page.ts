import { COMMANDS, GLOBAL_OPTIONS, type Command } from '@openrouter-proxy/cli';

const HEAD = `# The KMS CLI

\`kms\` looks at the key management service and operates it. Run it as the user that runs the service, as root, or, under systemd, as a member of the group
\`openrouter-proxy\`: \`kms status\`; from a checkout: \`npm run -s kms -- status\`. No secret is ever printed.

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
milliseconds since 1970. From a checkout, \`-s\` keeps npm's own lines out of the output:

\`\`\`sh
npm run -s kms -- keys --json | jq '.keys[].name'
\`\`\`

The words for a key's state are others in JSON, where \`check\`, \`upstream\` and \`limits\` stand beside it. Where two rows fit, a
refusal comes first, then a state other than \`available\`, then \`upstream\`:

| in tables   | in JSON, \`kind\` of \`state\` | means                                                      |
| ----------- | ---------------------------------------- | ---------------------------------------------------------- |
| \`serving\`   | \`available\`, and \`limits\` is empty       | it can be lent                                             |
| \`unreachable\` | \`available\`, and \`upstream\` is not null | there is no way to OpenRouter, for any key: \`upstream\` says why |
| \`limited\`   | \`available\`, and \`limits\` is not empty   | it can be lent, but not for every model                    |
| \`cooling\`   | \`cooling\`                              | it is set aside until the instant \`until\` |
| \`returning\` | \`returning\`                            | it cooled on a guess, and is let in gently                 |
| \`disabled\`  | \`disabled\`                             | it is out of use until it is enabled, or known again       |
| \`refused\` | any; \`verdict\` of \`check\` is \`refused\` | OpenRouter does not accept the key: \`check\` has its answer; a key that an operator disabled is \`disabled\` |
`;

/** What the columns of a command's table mean. */
const COLUMNS: Readonly<Record<string, readonly (readonly [title: string, means: string])[]>> = {
  keys: [
    ['KEY', 'its name'],
    ['ID', 'its fingerprint, the same on every machine'],
    ['STATE', 'how it stands, in the words above'],
    ['FLIGHT', 'requests under way with it; behind `/`, the most that it may have at once'],
    ['TODAY', 'attempts with it on this UTC day, on this machine'],
    ['OK', 'the share of those that brought an answer'],
    ['UNTIL, WHY', 'when its state ends, and what it comes from'],
  ],
  requests: [
    ['TIME', 'when it began, by this machine’s clock'],
    ['REQUEST', 'its id, or the first part of a UUID: `kms explain` takes either'],
    ['CLIENT', 'the name of its access key'],
    ['MODEL', 'the model that was asked for'],
    ['KEYS', 'the keys that were tried, in this order; `–` if none could be'],
    ['RESULT', 'how it ended, and the status that the client got'],
    ['TOOK', 'until the answer ended'],
    ['COST', 'what OpenRouter charged; `–` if it did not say'],
  ],
  usage: [
    [
      'KEY',
      'or `MODEL`, `CLIENT`, `DAY`: what `--by` tells apart; `(not known)` where nobody said',
    ],
    ['ANSWERED', 'attempts that brought an answer'],
    ['FAILED', 'attempts that did not; the request may have got its answer from another'],
    ['SENT', 'tokens of prompts'],
    ['CACHED', 'those of them that were read from a prompt cache'],
    ['RECEIVED', 'tokens of answers, those spent on thinking included'],
    [
      'UNKNOWN',
      'attempts that used something nobody knows: answers that broke off, or did not say',
    ],
    ['COST', 'what OpenRouter charged, in US dollars (`cost` in JSON)'],
  ],
};

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

function columnsOf(name: string): string[] {
  const rows = (COLUMNS[name] ?? []).map(([title, means]) => `| \`${title}\` | ${means} |`);
  return rows.length === 0 ? [] : [['| column | means |', '| --- | --- |', ...rows].join('\n')];
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
    ...columnsOf(name),
    `\`--json\` prints ${json}.`,
  ];
}
