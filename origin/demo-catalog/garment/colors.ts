// The demo shop's colours by name, and functions that shade a colour.

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

/** @param amount 0 (as it is) to 1 (the other colour) */
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

/** 0 (black) to 1 (white), as the eye weighs the channels. */
export function brightness(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return (0.3 * r! + 0.59 * g! + 0.11 * b!) / 255;
}
