import { healthStatements } from '@openrouter-proxy/kms-protocol/health-words';
import { storeInWords } from '@openrouter-proxy/kms-protocol/words';
import { useContext } from 'preact/hooks';
import { formatInstant, formatSpan } from '../model/instant.ts';
import { formatCount } from '../model/number.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Clock, InstantAndDistance } from './elements/clock.tsx';
import { Fact } from './elements/panel.tsx';
import { StatusMark } from './elements/status-mark.tsx';

const CALL = 'M12 6.5v7M12 16.6v.4';
const MARK = { ok: 'M7 12.5l3.5 3.5L17 8.5', warning: CALL, critical: CALL };
const TITLE = { ok: 'Serving normally', warning: 'Serving, with warnings', critical: 'Degraded' };

interface HealthProps {
  readonly snapshot: Snapshot;
}

/** The health of the gateway and the key service, with causes. */
export function Health({ snapshot }: HealthProps) {
  const { health, status } = snapshot;
  const level = status ? health.level : 'critical';
  return (
    <section class={`health health-${level}`} aria-labelledby="health-title">
      <div class="health-word" role="status">
        <svg class="health-mark" viewBox="0 0 24 24" aria-hidden="true">
          <circle cx="12" cy="12" r="10" />
          <path d={MARK[level]} />
        </svg>
        <div>
          <h2 id="health-title">{TITLE[level]}</h2>
          <Statements snapshot={snapshot} />
        </div>
      </div>
      {status ? (
        <ServiceFacts status={status} />
      ) : (
        <p class="health-absent">
          The key service does not answer: keys and usage cannot be shown.
        </p>
      )}
    </section>
  );
}

/** A cause, and its remedy. */
function Statements({ snapshot: { health, now } }: HealthProps) {
  const { zone } = useContext(Clock);
  const statements = healthStatements(health.causes, now, (at, then) =>
    formatInstant(at, then, zone),
  );
  if (statements.length === 0) return <p class="muted">No problem is known.</p>;
  return (
    <ul class="reasons">
      {statements.map(({ sentence, action }) => (
        <li key={sentence}>
          {sentence}{' '}
          <span class="muted">
            <Marked text={action} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Text with code between backticks. */
function Marked({ text }: { readonly text: string }) {
  return (
    <>
      {text
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}
    </>
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
            <StatusMark standing="serving" /> {formatCount(keys.available)} available
          </li>
          <li>
            <StatusMark standing="cooling" /> {formatCount(keys.cooling)} cooling
          </li>
          <li>
            <StatusMark standing="refused" /> {formatCount(keys.refused)} refused
          </li>
          <li>
            <StatusMark standing="disabled" /> {formatCount(keys.disabled)} disabled
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
        {storeInWords(status.store.backend)}
        {status.store.healthy ? '' : `: ${status.store.trouble ?? 'fails'}`}
      </Fact>
    </dl>
  );
}
