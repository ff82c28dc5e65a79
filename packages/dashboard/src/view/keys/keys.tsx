import type { KeyLane, KeyView } from '@openrouter-proxy/kms-protocol';
import { byUrgency, needsAttention } from '../../model/key-status.ts';
import { timelineAxis, type TimelineAxis } from '../../model/timeline-geometry.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { KEY_FIGURES, KeyRow } from './key-row.tsx';
import { TimelinePatterns, TimelineScale } from './timeline-row.tsx';
import { Panel } from '../elements/panel.tsx';

/** With more keys than this, those in trouble come first, and the others are folded away. */
const MANY = 12;

/** All keys: status, cause, timeline, activity. */
export function KeysPanel({ snapshot }: { readonly snapshot: Snapshot }) {
  const { keys, keysTotal, lanes, now } = snapshot;
  const axis = timelineAxis(lanes, now);
  const { shown, troubled, serving } = foldedKeys(keys);
  const note = keys.length < keysTotal ? `The first ${keys.length} of ${keysTotal}` : '';
  return (
    <Panel id="keys" title="Keys" note={note}>
      <TimelinePatterns />
      {keys.length === 0 ? <p class="empty">No keys are known.</p> : null}
      {shown.length > 0 ? <KeyList keys={shown} lanes={lanes} axis={axis} hasHead /> : null}
      <Fold keys={troubled} title="more need attention" {...{ lanes, axis }} />
      <Fold keys={serving} title="serve without limits" {...{ lanes, axis }} />
    </Panel>
  );
}

/** Splits the keys into shown and folded ones. */
function foldedKeys(keys: readonly KeyView[]): Record<'shown' | 'troubled' | 'serving', KeyView[]> {
  if (keys.length <= MANY) return { shown: [...keys], troubled: [], serving: [] };
  const troubled = keys.filter(needsAttention).sort(byUrgency);
  return {
    shown: troubled.slice(0, MANY),
    troubled: troubled.slice(MANY),
    serving: keys.filter((key) => !needsAttention(key)),
  };
}

interface KeyListProps {
  readonly keys: readonly KeyView[];
  readonly lanes: readonly KeyLane[];
  readonly axis: TimelineAxis;
}

function Fold({ keys, title, lanes, axis }: KeyListProps & { readonly title: string }) {
  if (keys.length === 0) return null;
  return (
    <details>
      <summary>
        {keys.length === 1 ? '1 key' : `${keys.length} keys`} {title}
      </summary>
      <KeyList keys={keys} lanes={lanes} axis={axis} />
    </details>
  );
}

function KeyList({ keys, lanes, axis, hasHead }: KeyListProps & { readonly hasHead?: boolean }) {
  const spansOf = new Map(lanes.map(({ keyId, spans }) => [keyId, spans] as const));
  return (
    <div class="keys">
      {hasHead ? (
        <div class="key-list-head" aria-hidden="true">
          <span />
          <span />
          <TimelineScale axis={axis} />
          <span class="key-figures muted">
            {KEY_FIGURES.map((name) => (
              <span key={name}>{name}</span>
            ))}
          </span>
        </div>
      ) : null}
      {keys.map((key) => (
        <KeyRow key={key.keyId} view={key} spans={spansOf.get(key.keyId) ?? []} axis={axis} />
      ))}
    </div>
  );
}
