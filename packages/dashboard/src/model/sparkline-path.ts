/** The size of a sparkline, and the value at its top. */
export interface SparklineFrame {
  readonly width: number;
  readonly height: number;
  readonly top: number;
}

/** Maximum number of points: more would not be visible. */
const MOST_POINTS = 60;

/** Values as an SVG path. Each point is the maximum of the values it stands for; null is a gap. */
export function sparklinePath(
  values: readonly (number | null)[],
  { width, height, top }: SparklineFrame,
): string {
  const perPoint = Math.max(1, Math.ceil(values.length / MOST_POINTS));
  const last = Math.ceil(values.length / perPoint) - 1;
  let path = '';
  let isOpen = false;
  for (let point = 0; point <= last; point += 1) {
    const some = values.slice(point * perPoint, (point + 1) * perPoint);
    const present = some.filter((value) => value !== null);
    if (present.length > 0) {
      const x = last > 0 ? (width * point) / last : width;
      const y = top > 0 ? height * (1 - Math.max(...present) / top) : height;
      path += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    isOpen = present.length > 0;
  }
  return path;
}
