import type { RequestView } from '@openrouter-proxy/kms-protocol';
import { formatDuration } from '../instant.ts';
import { formatCount, formatCredits } from '../number.ts';
import { attemptsOf, endingOf, keysTried } from '../request-summary.ts';
import type { Snapshot } from '../snapshot.ts';
import { Instant } from './clock.tsx';
import { RequestLink, RequestSearch } from './look-up.tsx';
import { Panel } from './panel.tsx';
import { NumberCell, Table } from './table.tsx';

interface RequestsPanelProps {
  readonly snapshot: Snapshot;
  /** What was searched for last. */
  readonly searched: string;
}

/** The latest requests; each leads to what became of it. */
export function RequestsPanel({ snapshot: { requests }, searched }: RequestsPanelProps) {
  return (
    <Panel id="requests" title="Requests" note="The latest first">
      <RequestSearch requestId={searched} />
      {requests.length === 0 ? (
        <p class="empty">None yet.</p>
      ) : (
        <Table label="Latest requests" columns={COLUMNS}>
          {requests.map((request) => (
            <RequestLine key={request.requestId} request={request} />
          ))}
        </Table>
      )}
    </Panel>
  );
}

const COLUMNS = [
  { title: 'Time' },
  { title: 'Request' },
  { title: 'Model' },
  { title: 'Client, API' },
  { title: 'Ended' },
  { title: 'Keys tried' },
  { title: 'Tokens', numeric: true },
  { title: 'Cost', numeric: true },
  { title: 'First content', numeric: true },
  { title: 'Total', numeric: true },
];

/** The ending of a request, as a word with a sign. */
export function EndingLabel({ request }: { readonly request: RequestView }) {
  const { tone, text } = endingOf(request);
  const sign = { good: '✓', bad: '✕', warn: '!', quiet: '·' }[tone];
  return (
    <span class={`ending ending-${tone}`}>
      <span aria-hidden="true">{sign}</span> {text}
    </span>
  );
}

function RequestLine({ request }: { readonly request: RequestView }) {
  const { requestId, at, model, client, api, end } = request;
  const keys = keysTried(request);
  const attempts = attemptsOf(request).length;
  return (
    <tr>
      <td>
        <Instant at={at} />
      </td>
      <td class="id">
        <RequestLink requestId={requestId}>{requestId}</RequestLink>
      </td>
      <td class="name" title={model ?? ''}>
        {model ?? '–'}
      </td>
      <td class="name" title={client ?? ''}>
        {client ?? '–'} <span class="muted">{api}</span>
      </td>
      <td>
        <EndingLabel request={request} /> {end?.status ?? ''}
      </td>
      <td class="name">
        {keys.join(' → ') || '–'}
        {attempts > keys.length ? <span class="muted"> ({attempts} attempts)</span> : null}
      </td>
      <EndCells end={end} />
    </tr>
  );
}

function EndCells({ end }: Pick<RequestView, 'end'>) {
  const used = end?.usage ?? null;
  return (
    <>
      <NumberCell>
        {used ? `${formatCount(used.sent)} → ${formatCount(used.received)}` : '–'}
      </NumberCell>
      <NumberCell>{used ? formatCredits(used.cost) : '–'}</NumberCell>
      <NumberCell>
        {end?.firstContentMs == null ? '–' : formatDuration(end.firstContentMs)}
      </NumberCell>
      <NumberCell>{end ? formatDuration(end.totalMs) : '–'}</NumberCell>
    </>
  );
}
