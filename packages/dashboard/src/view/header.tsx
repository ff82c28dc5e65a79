import { useContext } from 'preact/hooks';
import { Clock, Instant } from './clock.tsx';

/** How the page gets its figures: as it was loaded, live, or no more for the time being. */
export type Connection = 'still' | 'live' | 'lost';

const SECTIONS = [
  ['traffic', 'Traffic'],
  ['keys', 'Keys'],
  ['quotas', 'Quotas'],
  ['usage', 'Usage'],
  ['requests', 'Requests'],
  ['machine', 'System'],
  ['metrics', 'Metrics'],
] as const;

interface HeaderProps {
  readonly connection: Connection;
  /** When the figures were taken. */
  readonly asOf: number;
}

/** The name, the way to the panels, and how fresh the figures are. */
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
  return (
    <div class={`freshness freshness-${connection}`}>
      <span role="status">
        <span class="beacon" aria-hidden="true" />
        {{ still: 'As of', live: 'Live', lost: 'Connection lost, trying again. As of' }[connection]}
      </span>{' '}
      <span class="nowrap">
        <Instant at={asOf} />
        {zone === 'UTC' ? ' UTC' : ''}
      </span>
      {connection === 'still' ? <a href="/metrics">Reload</a> : null}
    </div>
  );
}
