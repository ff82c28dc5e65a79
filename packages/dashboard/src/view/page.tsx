import { useMemo } from 'preact/hooks';
import type { PageData } from '../snapshot.ts';
import { Clock, type ClockTime } from './clock.tsx';
import { Figures } from './figures.tsx';
import { Header, type Connection } from './header.tsx';
import { Health } from './health.tsx';
import { KeysPanel } from './keys.tsx';
import { LimitsPanel } from './limits.tsx';
import type { LookUp } from './look-up.tsx';
import { MachinePanel } from './machine.tsx';
import { MetricsPanel } from './metrics.tsx';
import { QuotasPanel } from './quotas.tsx';
import { RequestSheet } from './request-sheet.tsx';
import { RequestsPanel } from './requests.tsx';
import { TrafficPanel } from './traffic.tsx';
import { UsagePanel } from './usage.tsx';

/** Everything the page shows. */
export interface PageState extends Pick<PageData, 'snapshot' | 'metrics'> {
  readonly lookUp: LookUp;
  readonly connection: Connection;
  readonly clock: ClockTime;
}

/** What a look-up stands at when the page is loaded. */
export function initialLookUp({ explanation }: PageData): LookUp {
  return explanation ? { kind: 'found', explanation } : { kind: 'none' };
}

const searchedFor = (lookUp: LookUp) => {
  if (lookUp.kind === 'none') return '';
  return lookUp.kind === 'found' ? lookUp.explanation.requestId : lookUp.requestId;
};

/** The page. */
export function Page({ snapshot, metrics, lookUp, connection, clock }: PageState) {
  // They are many, and change far less often than the clock.
  const metricsPanel = useMemo(() => <MetricsPanel metrics={metrics} />, [metrics]);
  return (
    <Clock.Provider value={clock}>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <Header connection={connection} asOf={snapshot.now} />
      <main id="main">
        <Health snapshot={snapshot} />
        <Figures snapshot={snapshot} />
        <TrafficPanel snapshot={snapshot} />
        <KeysPanel snapshot={snapshot} />
        <QuotasPanel snapshot={snapshot} />
        <LimitsPanel snapshot={snapshot} />
        <UsagePanel snapshot={snapshot} />
        <RequestsPanel snapshot={snapshot} searched={searchedFor(lookUp)} />
        <MachinePanel snapshot={snapshot} />
        {metricsPanel}
      </main>
      <RequestSheet lookUp={lookUp} />
    </Clock.Provider>
  );
}
