import { useMemo } from 'preact/hooks';
import type { PageData, Snapshot } from '../model/snapshot.ts';
import { isFiltered, type ViewQuery } from '../model/view-query.ts';
import { Clock, type ClockTime } from './elements/clock.tsx';
import { ConnectPanel } from './connect.tsx';
import { Figures } from './figures.tsx';
import { Header, type Connection } from './header.tsx';
import { Health } from './health.tsx';
import { KeysPanel } from './keys/keys.tsx';
import { LimitsPanel } from './keys/limits.tsx';
import type { LookUp } from './requests/look-up.tsx';
import { MachinePanel } from './machine.tsx';
import { MetricsPanel } from './metrics.tsx';
import { QuotasPanel } from './keys/quotas.tsx';
import { RequestSheet } from './requests/request-sheet.tsx';
import { RequestsPanel } from './requests/requests.tsx';
import { TrafficPanel } from './traffic.tsx';
import { UsagePanel } from './usage.tsx';
import { IsLive, View } from './elements/view-context.tsx';
import { Welcome } from './welcome.tsx';

/** The data of the page. */
export interface PageState extends Omit<PageData, 'explanation'> {
  readonly lookUp: LookUp;
  readonly connection: Connection;
  readonly clock: ClockTime;
}

/** The look-up state when the page is loaded. */
export function initialLookUp({ explanation }: PageData): LookUp {
  return explanation ? { kind: 'found', explanation } : { kind: 'none' };
}

const searchedFor = (lookUp: LookUp) => {
  if (lookUp.kind === 'none') return '';
  return lookUp.kind === 'found' ? lookUp.explanation.requestId : lookUp.requestId;
};

/** Whether there is no recorded request. */
function isUnused({ status, traffic, requests, usage }: Snapshot, query: ViewQuery): boolean {
  const isListed = !isFiltered(query) && query.before === null;
  const sums = usage.days.every(({ answered, failed }) => answered + failed === 0);
  return (
    status !== null && isListed && traffic.points.length === 0 && requests.length === 0 && sums
  );
}

/** The page. */
export function Page({ snapshot, metrics, query, origin, lookUp, connection, clock }: PageState) {
  // Memoized: the requests change far less often than the clock.
  const metricsPanel = useMemo(() => <MetricsPanel metrics={metrics} />, [metrics]);
  const isNew = isUnused(snapshot, query);
  return (
    <Clock.Provider value={clock}>
      <View.Provider value={query}>
        <IsLive.Provider value={connection !== 'still'}>
          <a class="skip" href="#main">
            Skip to the figures
          </a>
          <Header connection={connection} asOf={snapshot.now} />
          <main id="main">
            <Health snapshot={snapshot} />
            <Figures snapshot={snapshot} />
            {isNew ? <Welcome origin={origin} /> : <TrafficPanel snapshot={snapshot} />}
            {isNew ? <ConnectPanel origin={origin} isUnfolded /> : null}
            <KeysPanel snapshot={snapshot} />
            <RequestsPanel snapshot={snapshot} searched={searchedFor(lookUp)} />
            <div class="pair">
              <QuotasPanel snapshot={snapshot} />
              <LimitsPanel snapshot={snapshot} />
            </div>
            <UsagePanel snapshot={snapshot} />
            {isNew ? null : <ConnectPanel origin={origin} isUnfolded={false} />}
            <MachinePanel snapshot={snapshot} />
            {metricsPanel}
          </main>
          <RequestSheet lookUp={lookUp} />
        </IsLive.Provider>
      </View.Provider>
    </Clock.Provider>
  );
}
