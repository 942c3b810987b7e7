// The demo shop's colours by name, and its fabrics as repeating SVG patterns: woven, knitted or printed.

/** The demo shop's colours by name. */
export const colors = {
  White: '#f4f2ec',
  Ecru: '#e6dcc6',
  Sand: '#cdb591',
  Camel: '#b58852',
  Tan: '#8f6a43',
  Chocolate: '#55392a',
  Black: '#2a2a2d',
  Charcoal: '#4a4c52',
  Grey: '#9a9ca1',
  Silver: '#c6c9ce',
  Navy: '#26344f',
  Indigo: '#3a4f7a',
  Denim: '#5f7fa8',
  'Sky Blue': '#a3c1da',
  Teal: '#2f6f73',
  Sage: '#a3b091',
  Olive: '#6d7048',
  Forest: '#2f4f3e',
  Mint: '#bcdccb',
  Mustard: '#d0a13a',
  Butter: '#efdf9f',
  Coral: '#e0795f',
  Rust: '#a9512f',
  Red: '#b5302f',
  Burgundy: '#6c2635',
  Blush: '#e5bfb8',
  Pink: '#d988a0',
  Lilac: '#bba7cf',
  Plum: '#5f3b5c',
} as const;

export type ColorName = keyof typeof colors;

/** @param amount 0 (unchanged) to 1 (the other colour) */
export function mix(color: string, other: string, amount: number): string {
  const channel = (at: number) => {
    const from = Number.parseInt(color.slice(at, at + 2), 16);
    const to = Number.parseInt(other.slice(at, at + 2), 16);
    return Math.round(from + (to - from) * amount)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

export function darken(color: string, amount: number): string {
  return mix(color, '#14121a', amount);
}

export function lighten(color: string, amount: number): string {
  return mix(color, '#ffffff', amount);
}

/** Brightness from 0 (black) to 1 (white), with the channels weighted as the eye sees them. */
export function brightness(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return (0.3 * r! + 0.59 * g! + 0.11 * b!) / 255;
}

export const fabrics = [
  'plain',
  'stripe',
  'breton',
  'check',
  'plaid',
  'dots',
  'floral',
  'denim',
  'knit',
  'cable',
  'rib',
  'herringbone',
  'melange',
  'leaf',
  'colorblock',
] as const;
export type Fabric = (typeof fabrics)[number];

/** `b`: colour of the cloth, `a`: second colour, `d`: darker, `l`: lighter. */
interface Shades {
  b: string;
  a: string;
  d: string;
  l: string;
}

/** One repeat of a fabric's pattern. */
interface Tile {
  width: number;
  height: number;
  /** Rotation in degrees. */
  turn?: number;
  markup: string;
}

/** @returns undefined for plain cloth. */
export function fabricTile(fabric: Fabric, shades: Shades): Tile | undefined {
  return fabric === 'plain' ? undefined : tiles[fabric](shades);
}

const tiles: Record<Exclude<Fabric, 'plain'>, (s: Shades) => Tile> = {
  stripe: (s) => ({
    width: 14,
    height: 20,
    markup: `<path d="M3 0V20" stroke="${s.a}" stroke-width="3"/><path d="M8 0V20" stroke="${s.a}" stroke-width=".8" opacity=".6"/>`,
  }),
  breton: (s) => ({ width: 20, height: 22, markup: `<path d="M0 6H20" stroke="${s.a}" stroke-width="7"/>` }),
  check: (s) => ({
    width: 20,
    height: 20,
    markup: `<path d="M0 0H10V20H0Z" fill="${s.a}" opacity=".5"/><path d="M0 0H20V10H0Z" fill="${s.a}" opacity=".5"/>`,
  }),
  plaid: (s) => ({
    width: 56,
    height: 56,
    markup: `<path d="M0 0H22V56H0Z" fill="${s.a}" opacity=".45"/><path d="M0 0H56V22H0Z" fill="${s.a}" opacity=".45"/><path d="M11 0V56M0 11H56" stroke="${s.l}" stroke-width="1.6" opacity=".8"/><path d="M39 0V56M0 39H56" stroke="${s.d}" stroke-width="3" opacity=".5"/>`,
  }),
  dots: (s) => ({
    width: 24,
    height: 24,
    markup: `<circle cx="6" cy="6" r="3.2" fill="${s.a}"/><circle cx="18" cy="18" r="3.2" fill="${s.a}"/>`,
  }),
  floral: (s) => ({
    width: 64,
    height: 64,
    turn: 12,
    markup: `<g fill="${s.a}">${flower(16, 18, 6)}${flower(48, 46, 5)}</g><g fill="${s.l}">${flower(46, 12, 3.6)}${flower(14, 50, 4)}</g><path d="M22 26q6 8 2 16M52 54q8 2 10 8M40 16q-8 2 -10 10" fill="none" stroke="${s.d}" stroke-width="1.6" opacity=".7"/><circle cx="16" cy="18" r="2.4" fill="#e8c25a"/><circle cx="48" cy="46" r="2" fill="#e8c25a"/>`,
  }),
  leaf: (s) => ({
    width: 54,
    height: 60,
    turn: -18,
    markup: `<path d="M12 8q14 6 12 24q-16 -6 -12 -24zM38 34q-14 4 -14 22q16 -4 14 -22z" fill="${s.a}"/><path d="M13 10q6 10 10 21M37 36q-6 8 -12 19" stroke="${s.b}" stroke-width="1.2" fill="none"/><path d="M40 4q8 4 8 14q-10 -4 -8 -14z" fill="${s.l}"/>`,
  }),
  denim: (s) => ({
    width: 5,
    height: 5,
    markup: `<path d="M-1 1L1 -1M0 5L5 0M4 6L6 4" stroke="${s.l}" stroke-width="1" opacity=".4"/>`,
  }),
  knit: (s) => ({
    width: 9,
    height: 8,
    markup: `<path d="M0 1L4.5 5.5L9 1" fill="none" stroke="${s.d}" stroke-width="1.5" opacity=".5"/><path d="M0 3L4.5 7.5L9 3" fill="none" stroke="${s.l}" stroke-width="1" opacity=".35"/>`,
  }),
  cable: (s) => ({
    width: 42,
    height: 36,
    markup: `<path d="M8 0C8 12 26 12 26 24V36M26 0C26 12 8 12 8 24V36" fill="none" stroke="${s.d}" stroke-width="6" opacity=".4"/><path d="M8 0C8 12 26 12 26 24V36M26 0C26 12 8 12 8 24V36" fill="none" stroke="${s.l}" stroke-width="3" opacity=".5"/><path d="M36 0V36M40 0V36" stroke="${s.d}" stroke-width="1.4" opacity=".4"/>`,
  }),
  rib: (s) => ({
    width: 8,
    height: 20,
    markup: `<path d="M2 0V20" stroke="${s.d}" stroke-width="2" opacity=".32"/><path d="M5.5 0V20" stroke="${s.l}" stroke-width="1.2" opacity=".3"/>`,
  }),
  herringbone: (s) => ({
    width: 20,
    height: 9,
    markup: `<path d="M0 9L10 0L20 9M0 4.5L5 0M20 4.5L15 0M5 9L10 4.5L15 9" fill="none" stroke="${s.a}" stroke-width="1.3" opacity=".55"/>`,
  }),
  melange: (s) => ({
    width: 23,
    height: 19,
    markup: `<path d="M2 3h4M12 6h5M5 11h6M17 13h4M1 16h3M10 17h4" stroke="${s.d}" stroke-width="1.1" opacity=".4"/><path d="M8 2h4M18 9h4M0 8h3M13 14h3" stroke="${s.l}" stroke-width="1.1" opacity=".5"/>`,
  }),
  colorblock: (s) => ({
    width: 400,
    height: 500,
    markup: `<path d="M0 200H400V296H0Z" fill="${s.a}"/><path d="M0 192H400" stroke="${s.l}" stroke-width="5"/><path d="M0 304H400" stroke="${s.l}" stroke-width="5"/>`,
  }),
};

function flower(x: number, y: number, radius: number): string {
  return [0, 72, 144, 216, 288]
    .map((degrees) => {
      const turn = (degrees * Math.PI) / 180;
      const cx = Math.round((x + Math.sin(turn) * radius) * 10) / 10;
      const cy = Math.round((y - Math.cos(turn) * radius) * 10) / 10;
      return `<circle cx="${cx}" cy="${cy}" r="${radius * 0.62}"/>`;
    })
    .join('');
}
