interface BarProps {
  readonly used: number;
  readonly limit: number;
  /** The label for screen readers. */
  readonly label: string;
}

const NEARLY = 0.8;

/** The used part of a limit. The colour only repeats the number beside it. */
export function Bar({ used, limit, label }: BarProps) {
  const part = limit > 0 ? Math.min(used / limit, 1) : 1;
  const tone = part >= 1 ? 'full' : part >= NEARLY ? 'nearly' : 'free';
  return (
    <svg class={`bar bar-${tone}`} role="img" aria-label={label}>
      <rect class="bar-track" width="100%" height="100%" rx="3" />
      {part > 0 ? <rect class="bar-fill" width={`${100 * part}%`} height="100%" rx="3" /> : null}
    </svg>
  );
}
