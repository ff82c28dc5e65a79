import { SECOND_MS } from '@openrouter-proxy/runtime/time';
import { useEffect, useState } from 'preact/hooks';
import type { PageData } from '../model/snapshot.ts';
import { Drawing } from '../view/elements/chart.tsx';
import type { ClockTime } from '../view/elements/clock.tsx';
import { ShowRequest } from '../view/requests/look-up.tsx';
import { Page } from '../view/page.tsx';
import { useLiveFeed } from './live-feed.ts';
import { plotter } from './plotter.ts';
import { useRequestLookUp } from './request-look-up.ts';

/** The interactive page. */
export function App({ initial }: { readonly initial: PageData }) {
  const { snapshot, metrics, connection, clockOffset } = useLiveFeed(initial);
  const origin = useOrigin(initial.origin);
  const { lookUp, show } = useRequestLookUp(initial);
  const clock = useServerTime(initial.snapshot.now, clockOffset);
  return (
    <ShowRequest.Provider value={show}>
      <Drawing.Provider value={plotter}>
        <Page {...{ snapshot, metrics, origin, lookUp, connection, clock }} query={initial.query} />
      </Drawing.Provider>
    </ShowRequest.Provider>
  );
}

/** The origin in the address bar. The first render uses the server's value, for hydration. */
function useOrigin(rendered: string): string {
  const [origin, setOrigin] = useState(rendered);
  useEffect(() => setOrigin(location.origin), []);
  return origin;
}

/** The server's time, updated every second. The first render uses the time of the page, for hydration. */
function useServerTime(rendered: number, clockOffset: number | null): ClockTime {
  const [clock, setClock] = useState<ClockTime>({ now: rendered, zone: 'UTC' });
  useEffect(() => {
    if (clockOffset === null) return;
    const tick = () => setClock({ now: Date.now() - clockOffset, zone: 'local' });
    tick();
    const timer = setInterval(tick, SECOND_MS);
    return () => clearInterval(timer);
  }, [clockOffset]);
  return clock;
}
