import { useContext } from 'preact/hooks';
import { formatSpan } from '../instant.ts';
import { formatCount } from '../number.ts';
import type { Snapshot } from '../snapshot.ts';
import { Clock, InstantAndDistance } from './clock.tsx';
import { Fact } from './panel.tsx';
import { StandingMark } from './standing-mark.tsx';

const MARK = {
  ok: 'M7 12.5l3.5 3.5L17 8.5',
  degraded: 'M12 6.5v7M12 16.6v.4',
};

/** Whether the gateway serves as it should, why not, and how the key service stands. */
export function Health({ snapshot }: { readonly snapshot: Snapshot }) {
  const { reasons, status } = snapshot;
  const health = reasons.length === 0 && status ? 'ok' : 'degraded';
  return (
    <section class={`health health-${health}`} aria-labelledby="health-title">
      <div class="health-word" role="status">
        <svg class="health-mark" viewBox="0 0 24 24" aria-hidden="true">
          <circle cx="12" cy="12" r="10" />
          <path d={MARK[health]} />
        </svg>
        <div>
          <h2 id="health-title">{health === 'ok' ? 'Serving normally' : 'Degraded'}</h2>
          {health === 'ok' ? (
            <p class="muted">Requests are answered as they should be.</p>
          ) : (
            <ul class="reasons">
              {reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          )}
        </div>
      </div>
      {status ? (
        <ServiceFacts status={status} />
      ) : (
        <p class="health-absent">The key service does not answer: keys and usage are not known.</p>
      )}
    </section>
  );
}

function ServiceFacts({ status }: { readonly status: NonNullable<Snapshot['status']> }) {
  const { now } = useContext(Clock);
  const { keys, nextAvailableAt } = status;
  return (
    <dl class="facts">
      <Fact term="Keys">
        <ul class="key-counts">
          <li>
            <StandingMark standing="serving" /> {formatCount(keys.available)} available
          </li>
          <li>
            <StandingMark standing="cooling" /> {formatCount(keys.cooling)} cooling
          </li>
          <li>
            <StandingMark standing="disabled" /> {formatCount(keys.disabled)} disabled
          </li>
        </ul>
      </Fact>
      {nextAvailableAt !== null && nextAvailableAt > now ? (
        <Fact term="Next key returns">
          <InstantAndDistance at={nextAvailableAt} />
        </Fact>
      ) : null}
      <Fact term="Version">{status.version}</Fact>
      <Fact term="Uptime">
        <span title={new Date(status.startedAt).toISOString()}>
          {formatSpan(now - status.startedAt)}
        </span>
      </Fact>
      <Fact term="State kept in">
        {status.store.backend}
        {status.store.healthy ? '' : `: ${status.store.trouble ?? 'fails'}`}
      </Fact>
    </dl>
  );
}
