import type { KeyLane, KeyView } from '@openrouter-proxy/kms-protocol';
import { needsAttention } from '../key-standing.ts';
import { laneAxis, type LaneAxis } from '../lane-geometry.ts';
import type { Snapshot } from '../snapshot.ts';
import { KeyRow } from './key-row.tsx';
import { LanePatterns, LaneScale } from './lane.tsx';
import { Panel } from './panel.tsx';

/** With more keys than this, those that just serve are folded away. */
const MANY = 12;
/** With more troubled keys than this, each is one line until somebody unfolds it. */
const MOST_UNFOLDED = 8;

/** Every key: how it stands, how it stood, what it does. */
export function KeysPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const { keys, keysTotal, lanes, now } = snapshot;
  const axis = laneAxis(lanes, now);
  const [first, rest] = keys.length > MANY ? split(keys) : [keys, []];
  const isUnfolded = keys.filter(needsAttention).length <= MOST_UNFOLDED;
  const note = keys.length < keysTotal ? `The first ${keys.length} of ${keysTotal}` : '';
  return (
    <Panel id="keys" title="Keys" note={note}>
      <LanePatterns />
      {keys.length === 0 ? <p class="empty">No keys are known.</p> : null}
      {first.length > 0 ? <KeyList keys={first} {...{ lanes, axis, isUnfolded }} /> : null}
      {rest.length > 0 ? (
        <details>
          <summary>{rest.length} keys serve without limits</summary>
          <KeyList keys={rest} {...{ lanes, axis, isUnfolded }} />
        </details>
      ) : null}
    </Panel>
  );
}

interface KeyListProps {
  readonly keys: readonly KeyView[];
  readonly lanes: readonly KeyLane[];
  readonly axis: LaneAxis;
  /** Whether keys that need attention show what is behind them. */
  readonly isUnfolded: boolean;
}

function KeyList({ keys, lanes, axis, isUnfolded }: KeyListProps) {
  const spansOf = new Map(lanes.map(({ keyId, spans }) => [keyId, spans] as const));
  return (
    <div class="keys">
      <div class="lane-scale-row">
        <span />
        <LaneScale axis={axis} />
      </div>
      {keys.map((key) => (
        <KeyRow
          key={key.keyId}
          view={key}
          spans={spansOf.get(key.keyId) ?? []}
          axis={axis}
          isUnfolded={isUnfolded && needsAttention(key)}
        />
      ))}
    </div>
  );
}

function split(keys: readonly KeyView[]): [KeyView[], KeyView[]] {
  return [keys.filter(needsAttention), keys.filter((key) => !needsAttention(key))];
}
