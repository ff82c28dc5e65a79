import { formatSpan } from '../instant.ts';
import { formatBytes, formatCount, formatShare } from '../number.ts';
import type { CacheState, Snapshot, SystemLoad } from '../snapshot.ts';
import { Bar } from './bar.tsx';
import { Fact, Panel } from './panel.tsx';
import { NumberCell, Table } from './table.tsx';

/** The machine with our processes on it, and the cache of the list of models. */
export function MachinePanel({ snapshot: { system, cache } }: { readonly snapshot: Snapshot }) {
  return (
    <Panel id="machine" title="System">
      <div class="halves">
        <section aria-label="Machine">
          <h3>Machine</h3>
          {system ? <Machine system={system} /> : <p class="empty">Not measured.</p>}
        </section>
        <section aria-label="Models cache">
          <h3>Models cache</h3>
          <Cache cache={cache} />
        </section>
      </div>
    </Panel>
  );
}

const share = (part: number | null) => (part === null ? '–' : formatShare(part, 1));

function Machine({ system }: { readonly system: SystemLoad }) {
  const { cpu, memoryUsedBytes, memoryTotalBytes, processes } = system;
  return (
    <>
      <dl class="facts">
        <Fact term="CPU">
          <strong>{share(cpu)}</strong>
          <Bar used={cpu ?? 0} limit={1} label={`${share(cpu)} of the CPU is used`} />
        </Fact>
        <Fact term="Memory">
          <strong>{formatBytes(memoryUsedBytes)}</strong> of {formatBytes(memoryTotalBytes)}
          <Bar
            used={memoryUsedBytes}
            limit={memoryTotalBytes}
            label={`${formatShare(memoryUsedBytes, memoryTotalBytes)} of the memory is used`}
          />
        </Fact>
      </dl>
      <Table label="Processes" columns={PROCESS_COLUMNS}>
        {processes.map((process) => (
          <tr key={process.name}>
            <th scope="row">{process.name}</th>
            <NumberCell>{share(process.cpu)}</NumberCell>
            <NumberCell>{formatBytes(process.residentBytes)}</NumberCell>
          </tr>
        ))}
      </Table>
    </>
  );
}

const PROCESS_COLUMNS = [
  { title: 'Process' },
  { title: 'Of one core', numeric: true },
  { title: 'Memory', numeric: true },
];

function Cache({ cache }: { readonly cache: CacheState }) {
  const { enabled, ageSeconds, ttlSeconds, hits, misses } = cache;
  if (!enabled) return <p class="empty">Switched off.</p>;
  return (
    <dl class="facts">
      <Fact term="Age">
        {ageSeconds === null ? 'empty' : formatSpan(1000 * ageSeconds)}
        <span class="muted"> of {formatSpan(1000 * ttlSeconds)}</span>
      </Fact>
      <Fact term="Answered from it">
        <strong>{formatShare(hits, hits + misses)}</strong>
        <span class="muted">
          {' '}
          {formatCount(hits)} hits, {formatCount(misses)} misses
        </span>
      </Fact>
    </dl>
  );
}
