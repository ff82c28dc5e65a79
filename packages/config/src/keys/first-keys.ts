import type { Installation } from '@openrouter-proxy/runtime';

/** How to add a first OpenRouter key, in lines, depending on how the program was installed. */
export function firstKeysAdvice({ kind, startCommand, exampleConfig }: Installation): string[] {
  const keyFile = (command: string) => [
    '  file of keys: install -m 600 /dev/null my-keys.txt, put your keys into it, one a line, then',
    `                OPENROUTER_KEYS="$(cat my-keys.txt)" ${command}`,
  ];
  switch (kind) {
    case 'checkout':
      return [
        'There is no OpenRouter key yet. Three ways on:',
        ...keyFile(startCommand),
        '  settings:     install -m 600 config.yml.example config.yml, and put your keys under `openrouter.keys`',
        '  trying out:   npm run demo, which needs no key and no internet',
      ];
    case 'package':
      return [
        'There is no OpenRouter key yet. Two ways on:',
        ...keyFile(startCommand),
        `  settings:     install -m 600 ${quotedPath(exampleConfig)} config.yml, and put your keys under \`openrouter.keys\``,
      ];
    case 'copy':
      return [
        'There is no OpenRouter key yet. Two ways on:',
        '  credential:   one key a line in the credential `openrouter_keys`; under systemd that is /etc/openrouter-proxy/openrouter_keys',
        `  file:         put your keys under \`openrouter.keys\` of the configuration; ${quotedPath(exampleConfig)} shows every setting`,
      ];
  }
}

/** As a shell takes it. */
const quotedPath = (path: string) =>
  /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;

/**
 * The same for a systemd service, which gets its keys as credentials (systemd.exec(5)), and for a
 * container with a folder of secrets. Null for a process started from a shell.
 */
export function serviceAdvice(
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] | null {
  const credentials = env['CREDENTIALS_DIRECTORY'];
  if (credentials !== undefined && credentials !== '') {
    return [
      `There is no OpenRouter key: the credential ${credentials}/openrouter_keys is missing or blank, and \`openrouter.keys\` is empty. Put the keys, one a line, into the file it comes from, then start again.`,
    ];
  }
  if (env['INVOCATION_ID'] === undefined) return null;
  return [
    'There is no OpenRouter key: systemd passes no credentials (the unit has no LoadCredential=), and `openrouter.keys` is empty. Name the keys there, each with `key` or `key_file`, then start again.',
  ];
}
