// The parts of a garment's drawing: pieces of cloth from back to front, seams, stitches and details.

export interface Piece {
  d: string;
  /** Negative: darker, as the inside or what lies below; positive: lighter. -1 to 1. */
  tone?: number;
  /** Cloth of another colour: cuffs, collars, soles. */
  accent?: boolean;
  /** Without the fabric's pattern: ribs, insides. */
  plain?: boolean;
  /** Drawn on the right as well. */
  pair?: boolean;
  /** Without the play of light: flat insides. */
  flat?: boolean;
}

export interface Drawing {
  pieces: Piece[];
  /** Paths where the cloth falls away from the light. */
  folds: string[];
  /** Thin lines where pieces meet. */
  seams: string[];
  /** Thread: thin dashed lines. */
  stitches: string[];
  /** Markup on top: buttons, zips, ribs; colours as `{dark}`, `{darker}`, `{light}`, `{metal}`, `{accent}`. */
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

/** Fine upright lines between two heights: a knitted rib. */
export function rib(left: number, right: number, top: number, bottom: number, bend = 0): string {
  const lines: string[] = [];
  const mid = (left + right) / 2;
  for (let x = left + 3; x < right; x += 5) {
    const drop = bend * (1 - ((x - mid) / ((right - left) / 2)) ** 2);
    lines.push(`M${x} ${Math.round(top + drop)}V${Math.round(bottom + drop)}`);
  }
  return `<path d="${lines.join('')}" stroke="{darker}" stroke-width="1" opacity=".35"/>`;
}

/** A zip from above to below in the middle. */
export function zip(x: number, top: number, bottom: number): string {
  return `<path d="M${x} ${top}V${bottom}" stroke="{darker}" stroke-width="5" opacity=".55"/><path d="M${x} ${top}V${bottom}" stroke="{metal}" stroke-width="2.6" stroke-dasharray="1.6 1.5"/><rect x="${x - 3}" y="${top + 4}" width="6" height="13" rx="2" fill="{metal}" stroke="{darker}" stroke-width=".6"/>`;
}
