import type { MetricFamily } from '@openrouter-proxy/kms-protocol';
import { useEffect, useState } from 'preact/hooks';
import type { PageData, Snapshot } from '../model/snapshot.ts';
import type { Connection } from '../view/header.tsx';
import { liveAddress } from '../model/view-query.ts';

/** The latest data from the gateway. */
export interface LiveFeed {
  readonly snapshot: Snapshot;
  readonly metrics: readonly MetricFamily[];
  readonly connection: Connection;
  /** The offset of this clock to the server's, in milliseconds; null until known. */
  readonly clockOffset: number | null;
}

/** Snapshots come every second: without one for this long, the feed counts as broken. */
const SILENCE_MS = 5_000;
/** An EventSource stops after a refusal, so it is reopened after this time. */
const REOPEN_MS = 3_000;
/** Smaller offsets are network latency. */
const CLOCK_SLACK_MS = 500;

/** Follows the gateway for as long as the page is open. */
export function useLiveFeed({ snapshot, metrics, query }: PageData): LiveFeed {
  const [feed, setFeed] = useState<LiveFeed>({
    snapshot,
    metrics,
    connection: 'still',
    clockOffset: null,
  });
  useEffect(() => {
    const change = (part: Partial<LiveFeed>) => setFeed((before) => ({ ...before, ...part }));
    return follow(liveAddress(query), {
      // The gateway sends what it renders the page from.
      onSnapshot: (data) => setFeed((before) => toldAnew(before, JSON.parse(data) as Snapshot)),
      onMetrics: (data) => change({ metrics: JSON.parse(data) as MetricFamily[] }),
      onLost: () => change({ connection: 'lost' }),
    });
  }, []);
  return feed;
}

function toldAnew(before: LiveFeed, snapshot: Snapshot): LiveFeed {
  const offset = Date.now() - snapshot.now;
  const isSame =
    before.clockOffset !== null && Math.abs(offset - before.clockOffset) < CLOCK_SLACK_MS;
  return {
    ...before,
    snapshot,
    connection: 'live',
    clockOffset: isSame ? before.clockOffset : offset,
  };
}

interface Listener {
  onSnapshot(data: string): void;
  onMetrics(data: string): void;
  onLost(): void;
}

/** Listens, and reconnects, until the returned function is called. */
function follow(address: string, listener: Listener): () => void {
  let source = open();
  let alarm = setTimeout(reopen, SILENCE_MS);

  function open(): EventSource {
    const opened = new EventSource(address);
    opened.addEventListener('snapshot', ({ data }: MessageEvent<string>) => {
      wait(SILENCE_MS);
      listener.onSnapshot(data);
    });
    opened.addEventListener('metrics', ({ data }: MessageEvent<string>) => {
      listener.onMetrics(data);
    });
    opened.addEventListener('error', () => {
      listener.onLost();
      wait(REOPEN_MS);
    });
    return opened;
  }

  function wait(ms: number): void {
    clearTimeout(alarm);
    alarm = setTimeout(reopen, ms);
  }

  function reopen(): void {
    listener.onLost();
    source.close();
    source = open();
    wait(SILENCE_MS);
  }

  return () => {
    clearTimeout(alarm);
    source.close();
  };
}
