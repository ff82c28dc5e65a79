import type { KeySpan, KeyView } from '@openrouter-proxy/kms-protocol';
import { reasonInWords } from '@openrouter-proxy/kms-protocol/words';
import type { ComponentChildren } from 'preact';
import { standingOf } from '../key-standing.ts';
import type { LaneAxis } from '../lane-geometry.ts';
import { formatCount, formatCredits, formatShare } from '../number.ts';
import { Countdown } from './clock.tsx';
import { KeyDetail } from './key-detail.tsx';
import { Lane } from './lane.tsx';
import { StandingLabel } from './standing-mark.tsx';

interface KeyRowProps {
  readonly view: KeyView;
  readonly spans: readonly KeySpan[];
  readonly axis: LaneAxis;
  /** Whether what is behind it shows, until somebody folds it. */
  readonly isUnfolded: boolean;
}

/** A key in one line; what is behind it unfolds. */
export function KeyRow({ view, spans, axis, isUnfolded }: KeyRowProps) {
  return (
    <details class="key" open={isUnfolded}>
      <summary>
        <span class="key-head">
          <span class="key-name">{view.name}</span>
          <span class="key-standing">
            <StandingLabel standing={standingOf(view)} />{' '}
            <span class="muted">
              <StandingNote view={view} />
            </span>
            {view.unexplainedCost === null ? null : <span class="flag">spent elsewhere</span>}
          </span>
        </span>
        <Lane spans={spans} axis={axis} />
        <KeyFigures view={view} />
      </summary>
      <KeyDetail view={view} spans={spans} />
    </details>
  );
}

function StandingNote({ view }: { readonly view: KeyView }) {
  const { state, check, limits } = view;
  if (check !== null && standingOf(view) === 'refused') {
    return <>{`by OpenRouter: HTTP ${check.status ?? 401} ${check.detail}`}</>;
  }
  switch (state.kind) {
    case 'cooling':
      return <Countdown until={state.until} />;
    case 'returning':
      return <>{`at most ${state.allowance} at once`}</>;
    case 'disabled':
      return <>{reasonInWords(state.cause.reason)}</>;
    case 'available':
      if (limits.length === 0) return null;
      return <>{limits.length === 1 ? 'by 1 limit' : `by ${limits.length} limits`}</>;
  }
}

function KeyFigures({ view }: { readonly view: KeyView }) {
  const { today, inFlight, maxConcurrency } = view;
  const asked = today.answered + today.failed;
  const most = maxConcurrency === null ? '' : ` / ${formatCount(maxConcurrency)}`;
  return (
    <span class="key-figures">
      <KeyFigure value={`${formatCount(inFlight)}${most}`}>in flight</KeyFigure>
      <KeyFigure value={formatCount(asked)}>
        {asked === 0 ? 'today' : `${formatShare(today.answered, asked)} answered`}
      </KeyFigure>
      <KeyFigure value={formatCount(today.sent + today.received)}>tokens</KeyFigure>
      <KeyFigure value={formatCredits(today.cost)}>credits</KeyFigure>
    </span>
  );
}

interface KeyFigureProps {
  readonly value: string;
  readonly children: ComponentChildren;
}

function KeyFigure({ value, children }: KeyFigureProps) {
  return (
    <span>
      <strong>{value}</strong> <span class="muted">{children}</span>
    </span>
  );
}
