import type { UsageRow } from '@openrouter-proxy/kms-protocol';
import { UNNAMED } from '@openrouter-proxy/kms-protocol/words';
import { useContext } from 'preact/hooks';
import { formatMinute, startOfUtcDay } from '../model/instant.ts';
import { formatCost, formatCount } from '../model/number.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Clock } from './elements/clock.tsx';
import { Panel } from './elements/panel.tsx';
import { Name, Table, type Column } from './elements/table.tsx';

/** Usage as OpenRouter reports it. */
export function UsagePanel({ snapshot: { usage, now } }: { readonly snapshot: Snapshot }) {
  const { zone } = useContext(Clock);
  const begins = formatMinute(startOfUtcDay(now), zone);
  return (
    <Panel
      id="usage"
      title="Usage"
      note={`By OpenRouter’s own count${ofMachines(usage.machines)}; a day begins at ${begins}`}
    >
      <div class="thirds">
        <UsageTables title="Today by model" of="Model" rows={usage.models} />
        <UsageTables title="Today by client" of="Client" rows={usage.clients} />
        <UsageTables title="By day" of="Day" rows={usage.days.toReversed()} />
      </div>
    </Panel>
  );
}

/** Maximum number of rows of each table before unfolding. */
const SHOWN = 5;

const numbers = (...titles: string[]): Column[] =>
  titles.map((title) => ({ title, numeric: true }));

const MAIN = numbers('Attempts', 'Tokens', 'Cost');
const ALL = numbers(
  'Answered',
  'Failed',
  'Use unknown',
  'Sent',
  'of these cached',
  'Received',
  'of these reasoning',
  'Cost',
);

interface UsageTablesProps {
  readonly title: string;
  readonly of: string;
  readonly rows: readonly UsageRow[];
}

function UsageTables({ title, of, rows }: UsageTablesProps) {
  if (rows.length === 0) {
    return (
      <section>
        <h3>{title}</h3>
        <p class="empty">Nothing yet.</p>
      </section>
    );
  }
  return (
    <section>
      <h3>{title}</h3>
      <MainTable {...{ title, of, rows }} />
      <details class="all-figures">
        <summary>{rows.length > SHOWN ? `All ${rows.length}, with details` : 'Details'}</summary>
        <Table
          label={`${title}, with details`}
          columns={[{ title: of }, ...ALL]}
          rows={rows.map((row) => ({ id: row.name, cells: [<RowName row={row} />, ...all(row)] }))}
        />
      </details>
    </section>
  );
}

function MainTable({ title, of, rows }: UsageTablesProps) {
  const dearest = Math.max(0, ...rows.map(({ cost }) => cost));
  return (
    <Table
      label={title}
      columns={[{ title: of }, ...MAIN]}
      rows={rows.slice(0, SHOWN).map((row) => ({
        id: row.name,
        cells: [
          <RowName row={row} />,
          formatCount(row.answered + row.failed),
          formatCount(row.sent + row.received),
          <Cost cost={row.cost} dearest={dearest} />,
        ],
      }))}
    />
  );
}

const all = (row: UsageRow) => [
  formatCount(row.answered),
  formatCount(row.failed),
  formatCount(row.unknown),
  formatCount(row.sent),
  formatCount(row.cached),
  formatCount(row.received),
  formatCount(row.reasoning),
  formatCost(row.cost),
];

function RowName({ row: { name } }: { readonly row: UsageRow }) {
  return name === '' ? <span class="muted">{UNNAMED}</span> : <Name>{name}</Name>;
}

interface CostProps {
  readonly cost: number;
  /** The largest cost of the table. */
  readonly dearest: number;
}

function Cost({ cost, dearest }: CostProps) {
  const part = dearest > 0 ? (100 * cost) / dearest : 0;
  return (
    <>
      <strong>{formatCost(cost)}</strong>
      <svg class="share" aria-hidden="true">
        <rect width={`${part}%`} x={`${100 - part}%`} height="100%" />
      </svg>
    </>
  );
}

const ofMachines = (machines: number) =>
  machines > 1 ? `, of the ${machines} machines that share the pool` : '';
