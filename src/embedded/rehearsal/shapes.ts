import { clamp, distance } from './math.js';

/**
 * Signed distances to simple shapes: negative inside, in the units of x and y. `ellipse` and `blob` are close to, not
 * exactly, distances, which smooth edges do not mind.
 */
export function circle(x: number, y: number, cx: number, cy: number, radius: number): number {
  return distance(x - cx, y - cy) - radius;
}

export function ellipse(x: number, y: number, cx: number, cy: number, rx: number, ry: number): number {
  const px = (x - cx) / rx;
  const py = (y - cy) / ry;
  const length = distance(px, py);
  // Divides by the gradient, so that the edge is one pixel wide all around.
  const slope = distance(px / rx, py / ry);
  return slope < 1e-9 ? -Math.min(rx, ry) : ((length - 1) * length) / slope;
}

export function box(
  x: number,
  y: number,
  cx: number,
  cy: number,
  halfWidth: number,
  halfHeight: number,
  round = 0,
): number {
  const dx = Math.abs(x - cx) - halfWidth + round;
  const dy = Math.abs(y - cy) - halfHeight + round;
  return distance(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - round;
}

/** A line from a to b whose radius runs from `ra` to `rb`. */
export function limb(
  x: number,
  y: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
  ra: number,
  rb: number,
): number {
  const dx = bx - ax;
  const dy = by - ay;
  const t = clamp(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy));
  return distance(x - ax - dx * t, y - ay - dy * t) - (ra + (rb - ra) * t);
}

/** A polygon without crossings; points as x, y, x, y, ... */
export function polygon(x: number, y: number, points: readonly number[]): number {
  let nearest = Infinity;
  let inside = false;
  for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
    const ax = points[j]!;
    const ay = points[j + 1]!;
    const bx = points[i]!;
    const by = points[i + 1]!;
    nearest = Math.min(nearest, limb(x, y, ax, ay, bx, by, 0, 0));
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside ? -nearest : nearest;
}

/** Union of two shapes with a soft seam of about `width`. */
export function melt(a: number, b: number, width: number): number {
  const h = clamp(0.5 + (0.5 * (b - a)) / width);
  return b + (a - b) * h - width * h * (1 - h);
}
