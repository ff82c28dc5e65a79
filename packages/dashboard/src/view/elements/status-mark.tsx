import type { KeyStanding } from '@openrouter-proxy/kms-protocol/key-standing';
import { STANDING_LABEL } from '../../model/key-status.ts';

const CROSS = 'M2.5 1 6 4.5 9.5 1 11 2.5 7.5 6 11 9.5 9.5 11 6 7.5 2.5 11 1 9.5 4.5 6 1 2.5Z';
const SHAPE: Readonly<Record<KeyStanding, string>> = {
  serving: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Z',
  returning: 'M6 1a5 5 0 1 0 5 5H9.4A3.4 3.4 0 1 1 6 2.6V5l4-3.2L6 -1Z',
  limited: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Zm0 1.6v6.8a3.4 3.4 0 0 0 0-6.8Z',
  unreachable: CROSS,
  cooling: 'M2 1h3v10H2Zm5 0h3v10H7Z',
  disabled: CROSS,
  refused: CROSS,
};

/** The icon of a key's status. Each status has its own shape, not only its own colour. */
export function StatusMark({ standing }: { readonly standing: KeyStanding }) {
  return (
    <svg class={`mark mark-${standing}`} viewBox="0 -1 12 13" aria-hidden="true">
      <path fill-rule="evenodd" d={SHAPE[standing]} />
    </svg>
  );
}

/** The icon with its label. */
export function StandingLabel({ standing }: { readonly standing: KeyStanding }) {
  return (
    <span class={`standing standing-${standing}`}>
      <StatusMark standing={standing} />
      {STANDING_LABEL[standing]}
    </span>
  );
}
