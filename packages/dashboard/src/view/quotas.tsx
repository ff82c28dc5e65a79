import type { KeyView, RequestWindow } from '@openrouter-proxy/kms-protocol';
import { useContext } from 'preact/hooks';
import { DAY, startOfUtcDay } from '../instant.ts';
import { accountsOf, type Account } from '../key-standing.ts';
import { formatCount, formatCredits } from '../number.ts';
import { runsOutAt } from '../quota-forecast.ts';
import type { Snapshot } from '../snapshot.ts';
import { Bar } from './bar.tsx';
import { Clock, InstantAndDistance } from './clock.tsx';
import { Panel } from './panel.tsx';
import { Table } from './table.tsx';

const MINUTE = 60_000;

/** What accounts and keys may still use, and when that runs out. */
export function QuotasPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const accounts = accountsOf(snapshot.keys);
  const capped = snapshot.keys.filter(({ limitRemaining }) => limitRemaining !== null);
  return (
    <Panel id="quotas" title="Quotas" note="Requests to free models, and the keys’ own caps">
      {accounts.length === 0 ? (
        <p class="empty">No accounts are known.</p>
      ) : (
        <Table
          label="Free requests by account"
          columns={[{ title: 'Account' }, { title: 'This minute' }, { title: 'This UTC day' }]}
        >
          {accounts.map((account) => (
            <AccountRow key={account.name} account={account} />
          ))}
        </Table>
      )}
      {capped.length === 0 ? null : (
        <Table
          label="Caps of keys"
          columns={[{ title: 'Key' }, { title: 'Credits under its cap' }]}
        >
          {capped.map((key) => (
            <CapRow key={key.keyId} view={key} />
          ))}
        </Table>
      )}
    </Panel>
  );
}

const SHOWN_NAMES = 3;

function AccountRow({ account: { name, keyNames, freeRequests } }: { readonly account: Account }) {
  const more = keyNames.length - SHOWN_NAMES;
  const names = keyNames.slice(0, SHOWN_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return (
    <tr>
      <th scope="row">
        {name}
        <span class="muted block">{names}</span>
      </th>
      <td>
        <WindowBar window={freeRequests.minute} lengthMs={MINUTE} />
      </td>
      <td>
        <WindowBar window={freeRequests.day} lengthMs={DAY} />
      </td>
    </tr>
  );
}

interface WindowBarProps {
  readonly window: RequestWindow;
  readonly lengthMs: number;
}

function WindowBar({ window: { used, limit, resetsAt }, lengthMs }: WindowBarProps) {
  const { now } = useContext(Clock);
  if (limit === null) return <>{formatCount(used)} used, limit not known yet</>;
  const since = resetsAt - lengthMs;
  const end = runsOutAt({ used, left: limit - used, since, resetsAt }, now);
  return (
    <div class="quota">
      <Bar used={used} limit={limit} label={`${used} of ${limit} used`} />
      <span>
        <strong>{formatCount(used)}</strong> / {formatCount(limit)}
        {used >= limit ? ' used up' : ''}
      </span>
      <span class="muted">
        {'resets '}
        <InstantAndDistance at={resetsAt} />
      </span>
      <Forecast at={end} />
    </div>
  );
}

/** One day's mean says little about times further off. */
const CAP_HORIZON = 7 * DAY;

function CapRow({ view }: { readonly view: KeyView }) {
  const { now } = useContext(Clock);
  const left = Math.max(view.limitRemaining ?? 0, 0);
  const used = view.today.cost;
  const since = startOfUtcDay(now);
  const isEarly = now - since < DAY / 24;
  const end = isEarly ? null : runsOutAt({ used, left, since, resetsAt: since + CAP_HORIZON }, now);
  return (
    <tr>
      <th scope="row">{view.name}</th>
      <td>
        <div class="quota">
          <Bar used={used} limit={used + left} label={`${formatCredits(left)} credits left`} />
          <span>
            <strong>{formatCredits(left)}</strong> left
          </span>
          <span class="muted">{formatCredits(used)} spent today</span>
          <Forecast at={end} />
        </div>
      </td>
    </tr>
  );
}

function Forecast({ at }: { readonly at: number | null }) {
  if (at === null) return null;
  return (
    <span class="flag">
      {'at this rate used up '}
      <InstantAndDistance at={at} />
    </span>
  );
}
