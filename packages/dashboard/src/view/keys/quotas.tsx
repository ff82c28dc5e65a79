import { MINUTE_MS } from '@openrouter-proxy/runtime/time';
import type { KeyView, RequestWindow } from '@openrouter-proxy/kms-protocol';
import { overLimitInWords } from '@openrouter-proxy/kms-protocol/words';
import { useContext } from 'preact/hooks';
import { DAY, formatDistance, formatMinute, startOfUtcDay } from '../../model/instant.ts';
import { accountsOf, type Account } from '../../model/key-status.ts';
import { formatCost, formatCount } from '../../model/number.ts';
import { runsOutAt } from '../../model/quota-forecast.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { Bar } from '../elements/bar.tsx';
import { Clock, InstantAndDistance } from '../elements/clock.tsx';
import { Panel } from '../elements/panel.tsx';
import { FirstRows } from '../elements/table.tsx';

/** Maximum number of rows before unfolding. */
const SHOWN = 5;

/** Remaining quotas of accounts and keys, with a forecast. */
export function QuotasPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const accounts = accountsOf(snapshot.keys);
  const capped = snapshot.keys.filter(({ limitRemaining }) => limitRemaining !== null);
  const { now, zone } = useContext(Clock);
  const ends = formatMinute(startOfUtcDay(now), zone);
  return (
    <Panel id="quotas" title="Quotas" note={`Requests to free models; a day ends at ${ends}`}>
      {accounts.length === 0 ? (
        <p class="empty">No accounts are known.</p>
      ) : (
        <FirstRows
          label="Free requests by account"
          columns={[{ title: 'Account' }, { title: 'This minute' }, { title: 'Today' }]}
          shown={SHOWN}
          rows={accounts.map((account) => ({
            id: account.name,
            cells: [
              <AccountName account={account} />,
              <WindowBar window={account.freeRequests.minute} lengthMs={MINUTE_MS} />,
              <WindowBar window={account.freeRequests.day} lengthMs={DAY} />,
            ],
          }))}
        />
      )}
      {capped.length === 0 ? null : (
        <FirstRows
          label="Caps of keys"
          columns={[{ title: 'Key' }, { title: 'Left under its cap' }]}
          shown={SHOWN}
          rows={capped.map((key) => ({ id: key.keyId, cells: [key.name, <CapBar view={key} />] }))}
        />
      )}
    </Panel>
  );
}

const SHOWN_NAMES = 3;

function AccountName({ account: { name, keyNames } }: { readonly account: Account }) {
  const more = keyNames.length - SHOWN_NAMES;
  const names = keyNames.slice(0, SHOWN_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return (
    <>
      {name} <span class="muted">{names}</span>
    </>
  );
}

interface WindowBarProps {
  readonly window: RequestWindow;
  readonly lengthMs: number;
}

function WindowBar({ window: { used, limit, resetsAt }, lengthMs }: WindowBarProps) {
  const { now } = useContext(Clock);
  if (limit === null) return <>{formatCount(used)} used; the limit is learned from OpenRouter</>;
  const since = resetsAt - lengthMs;
  const end = runsOutAt({ used, left: limit - used, since, resetsAt }, now);
  const within = Math.min(used, limit);
  const over = overLimitInWords(used, limit);
  return (
    <div class="quota">
      <Bar used={within} limit={limit} label={`${within} of ${limit} used`} />
      <span>
        <strong>{formatCount(within)}</strong> / {formatCount(limit)}
      </span>
      {used >= limit ? (
        <span class="flag">used up, resets {formatDistance(resetsAt, now)}</span>
      ) : null}
      {over === null ? null : <span class="muted">{over}</span>}
      <Forecast at={end} />
    </div>
  );
}

/** One day's mean says little about times further off. */
const CAP_HORIZON = 7 * DAY;

function CapBar({ view }: { readonly view: KeyView }) {
  const { now } = useContext(Clock);
  const left = Math.max(view.limitRemaining ?? 0, 0);
  const used = view.today.cost;
  const since = startOfUtcDay(now);
  const isEarly = now - since < DAY / 24;
  const end = isEarly ? null : runsOutAt({ used, left, since, resetsAt: since + CAP_HORIZON }, now);
  return (
    <div class="quota">
      <Bar used={used} limit={used + left} label={`${formatCost(left)} left`} />
      <span>
        <strong>{formatCost(left)}</strong> left
      </span>
      <span class="muted">{formatCost(used)} spent today</span>
      <Forecast at={end} />
    </div>
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
