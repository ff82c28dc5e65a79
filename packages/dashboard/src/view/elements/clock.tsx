import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { formatDistance, formatInstant, formatSpan, type Zone } from '../../model/instant.ts';

/** The server's time (milliseconds since the epoch), and the zone it is read in. */
export interface ClockTime {
  readonly now: number;
  readonly zone: Zone;
}

/** The current time, for all components below. */
export const Clock = createContext<ClockTime>({ now: 0, zone: 'UTC' });

/** An instant: the time, or the date and time. */
export function Instant({ at }: { readonly at: number }) {
  const { now, zone } = useContext(Clock);
  return <time dateTime={new Date(at).toISOString()}>{formatInstant(at, now, zone)}</time>;
}

/** An instant with its distance: `14:05:10 (in 3 m 12 s)`. */
export function InstantAndDistance({ at }: { readonly at: number }) {
  const { now } = useContext(Clock);
  return (
    <>
      <Instant at={at} /> <span class="muted nowrap">{formatDistance(at, now)}</span>
    </>
  );
}

/** What is left until an instant, and when that is: `for 3 m 12 s, until 14:05:10`. */
export function Countdown({ until }: { readonly until: number }) {
  const { now } = useContext(Clock);
  if (until <= now) {
    return (
      <>
        ended <Instant at={until} />
      </>
    );
  }
  return (
    <>
      for <span class="countdown">{formatSpan(until - now)}</span>, until <Instant at={until} />
    </>
  );
}
