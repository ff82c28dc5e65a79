import type { Installation } from '@openrouter-proxy/runtime';

/** What to do without an OpenRouter key, in lines, as it fits how the program was installed. */
export function firstKeysAdvice({ kind, startCommand, exampleConfig }: Installation): string[] {
  const variable = (command: string) =>
    `  environment:  OPENROUTER_KEYS=sk-or-…,sk-or-… ${command}`;
  switch (kind) {
    case 'checkout':
      return [
        'There is no OpenRouter key yet. Three ways on:',
        variable(startCommand),
        '  file:         cp config.yml.example config.yml, and put your keys under `openrouter.keys`',
        '  trying out:   npm run demo, which needs no key and no internet',
      ];
    case 'package':
      return [
        'There is no OpenRouter key yet. Two ways on:',
        variable(startCommand),
        `  file:         cp ${quotedPath(exampleConfig)} config.yml, and put your keys under \`openrouter.keys\``,
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
