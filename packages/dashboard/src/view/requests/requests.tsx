import type { RequestView } from '@openrouter-proxy/kms-protocol';
import { useContext } from 'preact/hooks';
import { formatDuration } from '../../model/instant.ts';
import { formatCost, formatCount } from '../../model/number.ts';
import { attemptsOf, endingOf, keysTried } from '../../model/request-summary.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { isFiltered, viewAddress } from '../../model/view-query.ts';
import { Instant } from '../elements/clock.tsx';
import { RequestLink, RequestSearch } from './look-up.tsx';
import { Panel } from '../elements/panel.tsx';
import { RequestFilters } from './request-filters.tsx';
import { Name, Table, type Row } from '../elements/table.tsx';
import { View } from '../elements/view-context.tsx';

interface RequestsPanelProps {
  readonly snapshot: Snapshot;
  /** What was searched for last. */
  readonly searched: string;
}

/** A page of requests, with links to their timelines. */
export function RequestsPanel({ snapshot, searched }: RequestsPanelProps) {
  const query = useContext(View);
  const { requests } = snapshot;
  const note = query.before === null ? 'The latest first' : 'An older page';
  return (
    <Panel id="requests" title="Requests" note={note}>
      <div class="request-tools">
        <RequestFilters snapshot={snapshot} />
        <RequestSearch requestId={searched} />
      </div>
      {requests.length === 0 ? (
        <p class="empty">
          {isFiltered(query) ? 'None that the filters let through.' : 'None yet.'}
        </p>
      ) : (
        <Table label="List of requests" columns={COLUMNS} rows={requests.map(requestRow)} />
      )}
      <Paging older={snapshot.olderRequests} />
    </Panel>
  );
}

/** Links to older requests and to the latest. */
function Paging({ older }: { readonly older: number | null }) {
  const query = useContext(View);
  if (older === null && query.before === null) return null;
  return (
    <nav class="paging" aria-label="Pages of requests">
      {query.before === null ? null : (
        <a href={viewAddress({ ...query, before: null }, 'requests')}>Latest</a>
      )}
      {older === null ? null : (
        <a href={viewAddress({ ...query, before: older }, 'requests')}>Older</a>
      )}
    </nav>
  );
}

const COLUMNS = [
  { title: 'Time' },
  { title: 'Request', class: 'id', isPlain: true },
  { title: 'Model', isPlain: true },
  { title: 'Client' },
  { title: 'Outcome', isPlain: true },
  { title: 'Keys tried' },
  { title: 'Tokens', numeric: true },
  { title: 'Cost', numeric: true },
  { title: 'First content', numeric: true },
  { title: 'Total', numeric: true },
];

/** The result of a request, as an icon and a word. */
export function EndingLabel({ request }: { readonly request: RequestView }) {
  const { tone, text } = endingOf(request);
  const sign = { good: '✓', bad: '✕', warn: '!', quiet: '·' }[tone];
  return (
    <span class={`ending ending-${tone}`}>
      <span aria-hidden="true">{sign}</span> {text}
    </span>
  );
}

/** The shortest unique form of the id. */
const nameOf = ({ requestId, internalId }: RequestView): string => internalId ?? requestId;

function requestRow(request: RequestView): Row {
  const { requestId, at, model, client, api, end } = request;
  const used = end?.usage ?? null;
  return {
    id: nameOf(request),
    cells: [
      <Instant at={at} />,
      <RequestLink requestId={nameOf(request)}>{requestId}</RequestLink>,
      model === null ? '–' : <Name>{model}</Name>,
      <>
        {client === null ? '–' : <Name>{client}</Name>} <span class="muted">{api}</span>
      </>,
      <>
        <EndingLabel request={request} /> {end?.status ?? ''}
      </>,
      <KeysTried request={request} />,
      used ? `${formatCount(used.sent)} → ${formatCount(used.received)}` : '–',
      used ? formatCost(used.cost) : '–',
      end?.firstContentMs == null ? '–' : formatDuration(end.firstContentMs),
      end ? formatDuration(end.totalMs) : '–',
    ],
  };
}

function KeysTried({ request }: { readonly request: RequestView }) {
  const keys = keysTried(request);
  const attempts = attemptsOf(request).length;
  return (
    <>
      {keys.length === 0 ? '–' : <Name>{keys.join(' → ')}</Name>}
      {attempts > keys.length ? <span class="muted"> ({attempts} attempts)</span> : null}
    </>
  );
}
