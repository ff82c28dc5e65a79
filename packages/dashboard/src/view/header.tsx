import { useContext } from 'preact/hooks';
import { formatSecond, zoneName } from '../model/instant.ts';
import { viewAddress } from '../model/view-query.ts';
import { Clock } from './elements/clock.tsx';
import { View } from './elements/view-context.tsx';

/** The state of the live feed. */
export type Connection = 'still' | 'live' | 'lost';

const SECTIONS = [
  ['traffic', 'Traffic'],
  ['keys', 'Keys'],
  ['requests', 'Requests'],
  ['quotas', 'Quotas'],
  ['usage', 'Usage'],
  ['connect', 'Connect'],
  ['machine', 'System'],
  ['metrics', 'Metrics'],
] as const;

interface HeaderProps {
  readonly connection: Connection;
  /** The time of the snapshot. */
  readonly asOf: number;
}

/** The page header: name, navigation, age of the data, and time zone. */
export function Header({ connection, asOf }: HeaderProps) {
  return (
    <header class="top">
      <h1>
        <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M3 12h5M16 6h5M16 18h5M8 12c5 0 3-6 8-6M8 12c5 0 3 6 8 6" />
        </svg>
        OpenRouter gateway
      </h1>
      <nav aria-label="Panels">
        <ul>
          {SECTIONS.map(([id, title]) => (
            <li key={id}>
              <a href={`#${id}`}>{title}</a>
            </li>
          ))}
        </ul>
      </nav>
      <Freshness connection={connection} asOf={asOf} />
    </header>
  );
}

function Freshness({ connection, asOf }: HeaderProps) {
  const { zone } = useContext(Clock);
  const query = useContext(View);
  return (
    <div class={`freshness freshness-${connection}`}>
      <span role="status">
        <span class="beacon" aria-hidden="true" />
        {{ still: 'As of', live: 'Live', lost: 'Connection lost, trying again. As of' }[connection]}
      </span>{' '}
      <span class="nowrap">
        <time dateTime={new Date(asOf).toISOString()}>{formatSecond(asOf, zone)}</time>{' '}
        {zoneName(asOf, zone)}
      </span>
      {connection === 'still' ? <a href={viewAddress(query)}>Reload</a> : null}
    </div>
  );
}
