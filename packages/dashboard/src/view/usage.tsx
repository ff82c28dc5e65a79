import type { UsageRow } from '@openrouter-proxy/kms-protocol';
import { formatCount, formatCredits } from '../number.ts';
import type { Snapshot } from '../snapshot.ts';
import { Panel } from './panel.tsx';
import { NumberCell, Table } from './table.tsx';

/** What was used, by OpenRouter's own count. */
export function UsagePanel({ snapshot: { usage } }: { readonly snapshot: Snapshot }) {
  return (
    <Panel id="usage" title="Usage" note="By OpenRouter’s own count, in UTC days">
      <UsageTable title="Today by model" of="Model" rows={usage.models} />
      <UsageTable title="Today by client" of="Client" rows={usage.clients} />
      <UsageTable title="By day" of="Day" rows={usage.days.toReversed()} />
    </Panel>
  );
}

const NUMBERS = [
  'Answered',
  'Failed',
  'Sent',
  'of it cached',
  'Received',
  'of it reasoning',
  'Unknown',
  'Cost',
].map((title) => ({ title, numeric: true }));

interface UsageTableProps {
  readonly title: string;
  readonly of: string;
  readonly rows: readonly UsageRow[];
}

function UsageTable({ title, of, rows }: UsageTableProps) {
  const dearest = Math.max(0, ...rows.map(({ cost }) => cost));
  return (
    <div>
      <h3>{title}</h3>
      {rows.length === 0 ? (
        <p class="empty">Nothing yet.</p>
      ) : (
        <Table label={title} columns={[{ title: of }, ...NUMBERS]}>
          {rows.map((row) => (
            <UsageLine key={row.name} row={row} dearest={dearest} />
          ))}
        </Table>
      )}
    </div>
  );
}

interface UsageLineProps {
  readonly row: UsageRow;
  /** The largest cost of the table. */
  readonly dearest: number;
}

function UsageLine({ row, dearest }: UsageLineProps) {
  const part = dearest > 0 ? (100 * row.cost) / dearest : 0;
  return (
    <tr>
      <th scope="row" class="name" title={row.name}>
        {row.name || <span class="muted">not known</span>}
      </th>
      <NumberCell>{formatCount(row.answered)}</NumberCell>
      <NumberCell>{formatCount(row.failed)}</NumberCell>
      <NumberCell>{formatCount(row.sent)}</NumberCell>
      <NumberCell>{formatCount(row.cached)}</NumberCell>
      <NumberCell>{formatCount(row.received)}</NumberCell>
      <NumberCell>{formatCount(row.reasoning)}</NumberCell>
      <NumberCell>{formatCount(row.unknown)}</NumberCell>
      <NumberCell>
        <strong>{formatCredits(row.cost)}</strong>
        <svg class="share" aria-hidden="true">
          <rect width={`${part}%`} x={`${100 - part}%`} height="100%" />
        </svg>
      </NumberCell>
    </tr>
  );
}
