// Outlines of garments: one half is written down, the other is its mirror image.

export const width = 400;
export const height = 500;
const middle = width / 2;

export type Point = [x: number, y: number];
/** A line to a point, or a cubic curve by two control points to a third. */
export type Segment = [Point] | [Point, Point, Point];

/** Closes the half that goes from the middle above along the left to the middle below. */
export function symmetric(start: Point, half: Segment[]): string {
  const mirrored: Segment[] = [];
  let from = start;
  for (const segment of half) {
    mirrored.unshift(segment.length === 1 ? [flip(from)] : [flip(segment[1]), flip(segment[0]), flip(from)]);
    from = segment.at(-1)!;
  }
  return `${path(start, [...half, ...mirrored])}Z`;
}

export function path(start: Point, segments: Segment[]): string {
  return `M${pair(start)}${segments
    .map((segment) => (segment.length === 1 ? `L${pair(segment[0])}` : `C${segment.map(pair).join(' ')}`))
    .join('')}`;
}

export function closed(start: Point, segments: Segment[]): string {
  return `${path(start, segments)}Z`;
}

/** The same drawn on the right. */
export function mirrored(markup: string): string {
  return `<g transform="matrix(-1 0 0 1 ${width} 0)">${markup}</g>`;
}

export function both(markup: string): string {
  return markup + mirrored(markup);
}

export function add(point: Point, direction: Point, length: number): Point {
  return [point[0] + direction[0] * length, point[1] + direction[1] * length];
}

function flip([x, y]: Point): Point {
  return [middle * 2 - x, y];
}

function pair([x, y]: Point): string {
  return `${round(x)} ${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
