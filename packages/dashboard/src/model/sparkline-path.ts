/** The size of a sketch, and the value at its top. */
export interface SketchFrame {
  readonly width: number;
  readonly height: number;
  readonly top: number;
}

/** More points than this a sketch of that size would not show. */
const MOST_POINTS = 60;

/** Values as an SVG path from left to right; each point is the largest of those it stands for, null a gap. */
export function sparklinePath(
  values: readonly (number | null)[],
  { width, height, top }: SketchFrame,
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
