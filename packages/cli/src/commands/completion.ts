import { Failure } from '../connection/failure.ts';
import type { Command } from './command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Shell scripts that get their candidates from `kms __complete`. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# kms completion bash > /etc/bash_completion.d/kms
_kms() {
  local IFS=$'\\n'
  COMPREPLY=($(kms __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
  [ "\${COMPREPLY[0]-}" = ':files' ] && COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _kms kms
`,
  zsh: `#compdef kms
# kms completion zsh > "\${fpath[1]}/_kms"
_kms() {
  local -a lines
  lines=("\${(@f)$(kms __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${lines[1]} == ':files' ]]; then _files; return; fi
  local -a found
  local line
  for line in $lines; do
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe kms found
}
if [ "$funcstack[1]" = "_kms" ]; then _kms "$@"; else compdef _kms kms; fi
`,
  fish: `# kms completion fish > ~/.config/fish/completions/kms.fish
function __kms_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (kms __complete -- $words[2..-1] 2>/dev/null)
  if test "$found[1]" = ':files'
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c kms -f -a '(__kms_complete)'
`,
};

const isShell = (value: string): value is Shell => SHELLS.some((known) => known === value);

export const completion: Command = {
  name: 'completion',
  summary: 'What a shell needs to complete commands, options and keys',
  argument: { name: 'shell', description: SHELLS.join(', '), kind: 'shell', choices: SHELLS },
  examples: [
    ['kms completion bash > /etc/bash_completion.d/kms', 'for every user, from the next shell on'],
  ],
  json: 'nothing else than without it',
  run: ({ io }, shell) => {
    if (!isShell(shell))
      throw new Failure('usage', `The shell must be one of ${SHELLS.join(', ')}.`);
    io.out(SCRIPTS[shell]);
    return Promise.resolve('done');
  },
};
