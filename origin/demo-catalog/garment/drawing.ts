// Draws the parts of a garment: outlines with two mirrored halves, pieces of cloth from back to front, and seams.
// Also draws an empty hanger.

/** Size of a drawing. Outlines of garments state one half; the other half is its mirror image. */
export const width = 400;
export const height = 500;
const middle = width / 2;

export type Point = [x: number, y: number];
/** A line to one point, or a cubic curve with two control points and an end. */
export type Segment = [Point] | [Point, Point, Point];

/** Closes an outline from its left half, which runs from the top middle to the bottom middle. */
export function symmetric(start: Point, half: Segment[]): string {
  const mirrored: Segment[] = [];
  let from = start;
  for (const segment of half) {
    mirrored.unshift(segment.length === 1 ? [flip(from)] : [flip(segment[1]), flip(segment[0]), flip(from)]);
    from = segment.at(-1)!;
  }
  return `${path(start, [...half, ...mirrored])}Z`;
}

function path(start: Point, segments: Segment[]): string {
  return `M${pair(start)}${segments
    .map((segment) => (segment.length === 1 ? `L${pair(segment[0])}` : `C${segment.map(pair).join(' ')}`))
    .join('')}`;
}

export function closed(start: Point, segments: Segment[]): string {
  return `${path(start, segments)}Z`;
}

/** The same markup, mirrored to the right. */
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

export interface Piece {
  d: string;
  /** -1 to 1. Negative: darker, for insides and lower layers; positive: lighter. */
  tone?: number;
  /** Whether the cloth has the second colour: cuffs, collars, soles. */
  accent?: boolean;
  /** Whether it lacks the fabric's pattern: ribs, insides. */
  plain?: boolean;
  /** Whether it is drawn on the right as well. */
  pair?: boolean;
  /** Whether it lacks light and shade: flat insides. */
  flat?: boolean;
}

export interface Drawing {
  pieces: Piece[];
  /** Paths where the cloth falls away from the light. */
  folds: string[];
  /** Thin lines where pieces meet. */
  seams: string[];
  /** Thin dashed lines of thread. */
  stitches: string[];
  /**
   * Markup on top of the cloth: buttons, zips, ribs. Colours are `{dark}`, `{darker}`, `{light}`, `{metal}`,
   * `{accent}`.
   */
  details: string[];
}

export function button(x: number, y: number, radius = 3.4): string {
  return `<circle cx="${x}" cy="${y}" r="${radius}" fill="{button}" stroke="{darker}" stroke-width=".8"/><circle cx="${x - 0.8}" cy="${y - 0.8}" r="${radius / 4}" fill="#fff" opacity=".5"/>`;
}

export function buttons(x: number, from: number, to: number, count: number): string {
  const step = (to - from) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, index) => button(x, Math.round(from + step * index))).join('');
}

export function line(d: string, width = 1.4, color = '{darker}', opacity = 0.6): string {
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linecap="round" opacity="${opacity}"/>`;
}

/**
 * Draws a knitted rib as fine upright lines between two heights.
 * @param across from left to right
 * @param down from top to bottom
 */
export function rib([left, right]: [number, number], [top, bottom]: [number, number], bend = 0): string {
  const lines: string[] = [];
  const mid = (left + right) / 2;
  for (let x = left + 3; x < right; x += 5) {
    const drop = bend * (1 - ((x - mid) / ((right - left) / 2)) ** 2);
    lines.push(`M${x} ${Math.round(top + drop)}V${Math.round(bottom + drop)}`);
  }
  return `<path d="${lines.join('')}" stroke="{darker}" stroke-width="1" opacity=".35"/>`;
}

/** A zip in the middle, from top to bottom. */
export function zip(x: number, top: number, bottom: number): string {
  return `<path d="M${x} ${top}V${bottom}" stroke="{darker}" stroke-width="5" opacity=".55"/><path d="M${x} ${top}V${bottom}" stroke="{metal}" stroke-width="2.6" stroke-dasharray="1.6 1.5"/><rect x="${x - 3}" y="${top + 4}" width="6" height="13" rx="2" fill="{metal}" stroke="{darker}" stroke-width=".6"/>`;
}

/** The drawing of an empty hanger, shown for a product without a picture. */
export function hanger(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width * 2}" height="${height * 2}"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#f4f2ee"/><stop offset="1" stop-color="#dfdad1"/></linearGradient></defs><rect width="${width}" height="${height}" fill="url(#g)"/><g fill="none" stroke="#9a9184" stroke-width="9" stroke-linecap="round" stroke-linejoin="round"><path d="M200 238V216C200 204 224 202 224 180C224 164 212 154 199 154C186 154 177 162 175 174" stroke-width="6"/><path d="M200 238L82 308C70 316 74 330 88 330H312C326 330 330 316 318 308Z"/></g></svg>`;
}
