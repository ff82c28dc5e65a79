import type { LimitView } from '@openrouter-proxy/kms-protocol';
import {
  circuitInWords,
  limitSubject,
  reasonInWords,
  sourceInWords,
} from '@openrouter-proxy/kms-protocol/words';
import type { Snapshot } from '../../model/snapshot.ts';
import { Countdown } from '../elements/clock.tsx';
import { Panel } from '../elements/panel.tsx';
import { FirstRows } from '../elements/table.tsx';

const COLUMNS = [{ title: 'What' }, { title: 'Ends' }, { title: 'Reason', class: 'wide' }];
const SHOWN = 5;

/** Limits that do not concern a single key: models, OpenRouter, accounts. */
export function LimitsPanel({ snapshot: { status } }: { readonly snapshot: Snapshot }) {
  const limits = status?.limits ?? [];
  const shared = status?.sharedAccounts ?? [];
  return (
    <Panel id="limits" title="Limits for all keys" note="On models, and on OpenRouter itself">
      {limits.length === 0 ? (
        <p class="empty">None.</p>
      ) : (
        <FirstRows
          label="Limits on models and on OpenRouter"
          columns={COLUMNS}
          shown={SHOWN}
          rows={limits.map((limit) => ({
            id: `${limit.scope} ${limit.pool} ${limit.model ?? ''}`,
            cells: [
              limitSubject(limit),
              <Countdown until={limit.until} />,
              <Reason limit={limit} />,
            ],
          }))}
        />
      )}
      {shared.map(({ account, keys }) => (
        <p class="muted" key={account}>
          {keys.length} keys share the limits of account {account}: {keys.join(', ')}
        </p>
      ))}
    </Panel>
  );
}

/** The cause of a limit, the source of its end or the circuit breaker's evidence, and the upstream's message. */
function Reason({ limit: { cause, circuit } }: { readonly limit: LimitView }) {
  const { reason, source, detail } = cause;
  const known = circuit === undefined ? sourceInWords(source) : circuitInWords(circuit);
  return (
    <>
      {reasonInWords(reason)} <span class="muted">({known})</span>
      {detail === '' ? null : <q class="evidence">{detail}</q>}
    </>
  );
}
