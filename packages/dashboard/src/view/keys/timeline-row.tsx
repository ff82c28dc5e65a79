import type { KeySpan } from '@openrouter-proxy/kms-protocol';
import { useContext } from 'preact/hooks';
import { formatDuration, formatInstant, formatMinute } from '../../model/instant.ts';
import { STANDING_LABEL } from '../../model/key-status.ts';
import {
  timelinePieces,
  timelineTicks,
  timeByKind,
  type TimelineAxis,
} from '../../model/timeline-geometry.ts';
import { formatShare } from '../../model/number.ts';
import { Clock } from '../elements/clock.tsx';

/** Each kind has its own height, not only its own colour. */
const HEIGHT: Readonly<Record<KeySpan['kind'], number>> = {
  serving: 30,
  returning: 55,
  limited: 55,
  cooling: 100,
  disabled: 100,
  refused: 100,
  unreachable: 100,
};

interface TimelineRowProps {
  readonly spans: readonly KeySpan[];
  readonly axis: TimelineAxis;
}

/** The timeline of one key, with a summary for screen readers. */
export function TimelineRow({ spans, axis }: TimelineRowProps) {
  const { now, zone } = useContext(Clock);
  const summary = [...timeByKind(spans, axis)]
    .map(([kind, ms]) => `${STANDING_LABEL[kind]} ${formatShare(ms, axis.to - axis.from)}`)
    .join(', ');
  return (
    <svg class="lane" role="img" aria-label={summary === '' ? 'Nothing is known' : summary}>
      <rect class="lane-ground" width="100%" height="100%" rx="3" />
      {timelinePieces(spans, axis).map(({ x, width, span }) => (
        <TimelinePiece
          key={span.from}
          {...{ x, width, kind: span.kind }}
          title={`${STANDING_LABEL[span.kind]} ${formatInstant(span.from, now, zone)} – ${
            span.to === null ? 'now' : formatInstant(span.to, now, zone)
          } (${formatDuration((span.to ?? now) - span.from)})${span.why ? `: ${span.why}` : ''}`}
        />
      ))}
    </svg>
  );
}

interface TimelinePieceProps {
  readonly x: number;
  readonly width: number;
  readonly kind: KeySpan['kind'];
  readonly title: string;
}

function TimelinePiece({ x, width, kind, title }: TimelinePieceProps) {
  const place = {
    x: `${x.toFixed(3)}%`,
    y: `${100 - HEIGHT[kind]}%`,
    width: `${width.toFixed(3)}%`,
    height: `${HEIGHT[kind]}%`,
  };
  return (
    <g>
      <rect class={`lane-piece lane-${kind}`} {...place} />
      {HEIGHT[kind] === 100 ? (
        <rect {...place} fill={`url(#hatch-${kind === 'cooling' ? kind : 'disabled'})`} />
      ) : null}
      <title>{title}</title>
    </g>
  );
}

/** The SVG patterns of the timelines, once for the page. */
export function TimelinePatterns() {
  const pattern = { width: 6, height: 6, patternUnits: 'userSpaceOnUse' } as const;
  return (
    <svg class="patterns" aria-hidden="true" width="0" height="0">
      <pattern id="hatch-cooling" {...pattern}>
        <path class="hatch" d="M-1 7 7 -1M-1 1 1 -1M5 7 7 5" />
      </pattern>
      <pattern id="hatch-disabled" {...pattern}>
        <path class="hatch" d="M0 0 6 6M0 6 6 0" />
      </pattern>
    </svg>
  );
}

/** The time scale above the timelines. */
export function TimelineScale({ axis }: { readonly axis: TimelineAxis }) {
  const { zone } = useContext(Clock);
  return (
    <svg class="lane-scale" aria-hidden="true">
      {timelineTicks(axis).map(({ at, x }) => (
        <text key={at} x={`${x.toFixed(3)}%`} y="75%">
          {formatMinute(at, zone)}
        </text>
      ))}
      <text x="100%" y="75%" text-anchor="end">
        now
      </text>
    </svg>
  );
}
