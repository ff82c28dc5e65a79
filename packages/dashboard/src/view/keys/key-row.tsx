import type { KeySpan, KeyView } from '@openrouter-proxy/kms-protocol';
import { standingOf } from '@openrouter-proxy/kms-protocol/key-standing';
import { causeWithoutTime } from '@openrouter-proxy/kms-protocol/health-words';
import { limitedModels, reasonInWords } from '@openrouter-proxy/kms-protocol/words';
import type { ComponentChildren } from 'preact';
import type { TimelineAxis } from '../../model/timeline-geometry.ts';
import { formatCost, formatCount, formatShare } from '../../model/number.ts';
import { Countdown } from '../elements/clock.tsx';
import { KeyDetail } from './key-detail.tsx';
import { TimelineRow } from './timeline-row.tsx';
import { StandingLabel } from '../elements/status-mark.tsx';

interface KeyRowProps {
  readonly view: KeyView;
  readonly spans: readonly KeySpan[];
  readonly axis: TimelineAxis;
}

/** A key in one line, with the reason for its state. The details unfold. */
export function KeyRow({ view, spans, axis }: KeyRowProps) {
  return (
    <details class="key">
      <summary>
        <span class="key-name">{view.name}</span>
        <span class="key-standing">
          <StandingLabel standing={standingOf(view)} />{' '}
          <span class="muted">
            <StandingNote view={view} />
          </span>
          {view.unexplainedCost === null ? null : <span class="flag">spent elsewhere</span>}
        </span>
        <TimelineRow spans={spans} axis={axis} />
        <KeyFigures view={view} />
      </summary>
      <KeyDetail view={view} spans={spans} />
    </details>
  );
}

function StandingNote({ view }: { readonly view: KeyView }) {
  const { state, check, upstream, limits } = view;
  const standing = standingOf(view);
  if (check !== null && standing === 'refused') {
    return <>{`by OpenRouter: HTTP ${check.status ?? 401} ${check.detail}`}</>;
  }
  if (upstream !== null && standing === 'unreachable') return <>{causeWithoutTime(upstream)}</>;
  switch (state.kind) {
    case 'cooling':
      return (
        <>
          {reasonInWords(state.cause.reason)}, <Countdown until={state.until} />
        </>
      );
    case 'returning':
      return (
        <>{`at most ${state.allowance} at once, after: ${reasonInWords(state.cause.reason)}`}</>
      );
    case 'disabled':
      return <>{reasonInWords(state.cause.reason)}</>;
    case 'available': {
      const [longest, ...others] = limits.toSorted((a, b) => b.until - a.until);
      if (longest === undefined) return null;
      return (
        <>
          {limitedModels(longest)}: {reasonInWords(longest.cause.reason)},{' '}
          <Countdown until={longest.until} />
          {others.length === 0 ? '' : `; ${others.length} more`}
        </>
      );
    }
  }
}

/** The columns of the figures, as the head of the list names them. */
export const KEY_FIGURES = ['in flight', 'today', 'answered', 'tokens', 'cost'] as const;

function KeyFigures({ view }: { readonly view: KeyView }) {
  const { today, inFlight, maxConcurrency } = view;
  const asked = today.answered + today.failed;
  const most = maxConcurrency === null ? '' : ` / ${formatCount(maxConcurrency)}`;
  const values: Readonly<Record<(typeof KEY_FIGURES)[number], ComponentChildren>> = {
    'in flight': `${formatCount(inFlight)}${most}`,
    today: formatCount(asked),
    answered: formatShare(today.answered, asked),
    tokens: formatCount(today.sent + today.received),
    cost: formatCost(today.cost),
  };
  return (
    <span class="key-figures">
      {KEY_FIGURES.map((name) => (
        <span key={name}>
          <strong>{values[name]}</strong> <span class="key-figure-name muted">{name}</span>
        </span>
      ))}
    </span>
  );
}
