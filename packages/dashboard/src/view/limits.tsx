import { limitSubject, reasonInWords, sourceInWords } from '@openrouter-proxy/kms-protocol/words';
import type { Snapshot } from '../snapshot.ts';
import { Countdown } from './clock.tsx';
import { Panel } from './panel.tsx';
import { Table } from './table.tsx';

/** What is shut out whichever key is used: models, the way to OpenRouter; and accounts that keys share. */
export function LimitsPanel({ snapshot: { status } }: { readonly snapshot: Snapshot }) {
  const limits = status?.limits ?? [];
  const shared = status?.sharedAccounts ?? [];
  return (
    <Panel id="limits" title="Limits in force" note="On models, and on the way to OpenRouter">
      {limits.length === 0 ? (
        <p class="empty">None.</p>
      ) : (
        <Table
          label="Limits on models and on the way to OpenRouter"
          columns={['What', 'Ends', 'Reason', 'Known from', 'Evidence'].map((title) => ({ title }))}
        >
          {limits.map((limit) => (
            <tr key={`${limit.scope} ${limit.pool} ${limit.model ?? ''}`}>
              <th scope="row">{limitSubject(limit)}</th>
              <td>
                <Countdown until={limit.until} />
              </td>
              <td>{reasonInWords(limit.cause.reason)}</td>
              <td>{sourceInWords(limit.cause.source)}</td>
              <td class="wide">{limit.cause.detail}</td>
            </tr>
          ))}
        </Table>
      )}
      {shared.map(({ account, keys }) => (
        <p class="muted" key={account}>
          {keys.length} keys share the limits of account {account}: {keys.join(', ')}
        </p>
      ))}
    </Panel>
  );
}
