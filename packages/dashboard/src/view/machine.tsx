import { formatSpan } from '../model/instant.ts';
import { formatBytes, formatCount, formatShare } from '../model/number.ts';
import type { CacheState, ProcessLoad, Snapshot, SystemLoad } from '../model/snapshot.ts';
import { Bar } from './elements/bar.tsx';
import { Fact, Panel } from './elements/panel.tsx';

/** The machine, the product's processes, and the cache of the model list. */
export function MachinePanel({ snapshot: { system, cache } }: { readonly snapshot: Snapshot }) {
  return (
    <Panel id="machine" title="System">
      <dl class="facts">
        {system ? <Machine system={system} /> : null}
        {system?.processes.map((process) => (
          <Process key={process.name} process={process} />
        ))}
        <Fact term="Cache of the models list">
          <Cache cache={cache} />
        </Fact>
      </dl>
    </Panel>
  );
}

const share = (part: number | null) => (part === null ? '–' : formatShare(part, 1));

function Machine({ system }: { readonly system: SystemLoad }) {
  const { cpu, memoryUsedBytes, memoryTotalBytes } = system;
  return (
    <>
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
    </>
  );
}

function Process({ process: { name, cpu, residentBytes } }: { readonly process: ProcessLoad }) {
  return (
    <Fact term={`Process: ${name}`}>
      <strong>{formatBytes(residentBytes)}</strong>
      <span class="muted block">{share(cpu)} of a core</span>
    </Fact>
  );
}

function Cache({ cache }: { readonly cache: CacheState }) {
  const { enabled, ageSeconds, ttlSeconds, hits, misses } = cache;
  if (!enabled) return <>switched off</>;
  const age = ageSeconds === null ? 'empty' : `${formatSpan(1000 * ageSeconds)} old`;
  return (
    <>
      <strong>{formatShare(hits, hits + misses)}</strong> of {formatCount(hits + misses)} answered
      <span class="muted block">
        {age}, kept for {formatSpan(1000 * ttlSeconds)}
      </span>
    </>
  );
}
