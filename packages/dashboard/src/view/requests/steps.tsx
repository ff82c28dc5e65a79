import type { LedgerStep } from '@openrouter-proxy/kms-protocol';
import { reasonInWords, refusalInWords, ruleInWords } from '@openrouter-proxy/kms-protocol/words';
import { formatDuration, formatSpan } from '../../model/instant.ts';
import { formatCost, formatCount } from '../../model/number.ts';
import type { Attempt } from '../../model/request-summary.ts';
import { Countdown, Instant } from '../elements/clock.tsx';

/** The timeline of a request. */
export function Steps({ steps }: { readonly steps: readonly LedgerStep[] }) {
  if (steps.length === 0) return <p class="muted">No key was asked for.</p>;
  return (
    <>
      <h3>Attempts</h3>
      <ol class="steps">
        {steps.map((step, index) => (
          <li key={index} class={`step step-${toneOf(step)}`}>
            {step.kind === 'attempt' ? <AttemptStep step={step} /> : <RefusedStep step={step} />}
            <LeftOutKeys step={step} />
          </li>
        ))}
      </ol>
    </>
  );
}

function toneOf(step: LedgerStep): 'good' | 'bad' | 'quiet' {
  if (step.kind === 'refused') return 'bad';
  if (step.outcome === null || ['unused', 'client_abort'].includes(step.outcome)) return 'quiet';
  return step.outcome === 'success' ? 'good' : 'bad';
}

function AttemptStep({ step }: { readonly step: Attempt }) {
  const { usage, followed, endedAt } = step;
  return (
    <>
      <h4>
        {step.keyName}{' '}
        <span class="outcome">
          {step.outcome === null ? 'running' : reasonInWords(step.outcome)} {step.status ?? ''}
        </span>
      </h4>
      <p class="muted">
        <Instant at={step.at} />
        {endedAt === null ? '' : `, took ${formatDuration(endedAt - step.at)}`}; chosen from{' '}
        {step.candidates}
        {step.candidates === 1 ? ' key' : ' keys'}: {ruleInWords(step.rule)}
      </p>
      {step.detail === '' ? null : <q class="evidence">{step.detail}</q>}
      {usage ? (
        <p>
          {formatCount(usage.sent)} tokens sent, {formatCount(usage.received)} received,{' '}
          {formatCost(usage.cost)}
        </p>
      ) : null}
      {followed.length === 0 ? null : (
        <ul class="followed" aria-label="What followed">
          {followed.map((what, index) => (
            <li key={index}>{what}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function RefusedStep({ step }: { readonly step: Exclude<LedgerStep, Attempt> }) {
  return (
    <>
      <h4>
        No key <span class="outcome">{refusalInWords(step.reason)}</span>
      </h4>
      <p class="muted">
        <Instant at={step.at} />
        {step.retryAfterMs === null ? '' : `, to try again in ${formatSpan(step.retryAfterMs)}`}
      </p>
    </>
  );
}

function LeftOutKeys({ step: { leftOut, leftOutCount } }: { readonly step: LedgerStep }) {
  if (leftOutCount === 0) return null;
  const more = leftOutCount - leftOut.length;
  return (
    <details>
      <summary>{leftOutCount === 1 ? '1 key' : `${leftOutCount} keys`} left out</summary>
      <ul class="left-out">
        {leftOut.map(({ keyName, why, until }, index) => (
          <li key={index}>
            {keyName}: {why}
            {until === null ? null : (
              <span class="muted">
                {' '}
                <Countdown until={until} />
              </span>
            )}
          </li>
        ))}
        {more > 0 ? <li class="muted">and {formatCount(more)} more</li> : null}
      </ul>
    </details>
  );
}
