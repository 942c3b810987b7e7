// Renders a garment as SVG: cloth, folds, seams and a soft shadow.
// The same spec gives the same bytes; its file name encodes the spec.
import { beanie, cap, scarf, socks } from './accessories.ts';
import { dress, jeans, shorts, skirt, trousers } from './bottoms.ts';
import { type Drawing, height, mirrored, type Piece, width } from './drawing.ts';
import { brightness, darken, type Fabric, fabrics, fabricTile, lighten, mix } from './fabrics.ts';
import { blazer, coat, jacket, vest } from './outerwear.ts';
import { blouse, cardigan, hoodie, polo, shirt, sweater, tank, tee } from './tops.ts';

const drawings: Record<GarmentKind, () => Drawing> = {
  tee,
  tank,
  shirt,
  blouse,
  polo,
  sweater,
  cardigan,
  hoodie,
  jacket,
  blazer,
  coat,
  vest,
  dress,
  skirt,
  jeans,
  trousers,
  shorts,
  socks,
  cap,
  beanie,
  scarf,
};

/** The result has a few KB. It uses no filter and no blur, so that phones paint it quickly. */
export function renderGarment(spec: GarmentSpec): string {
  const drawing = drawings[spec.kind]();
  const tones = tonesOf(spec);
  const ids = new PieceIds(drawing.pieces);
  const markup = [
    `<rect width="${width}" height="${height}" fill="url(#g)"/>`,
    `<ellipse cx="200" cy="${shadowY(spec.kind)}" rx="150" ry="16" fill="url(#e)"/>`,
    shadow(drawing.pieces, ids),
    ...drawing.pieces.map((piece) => cloth(piece, ids, tones, spec)),
    `<path d="${drawing.folds.join('')}" fill="${tones.darker}" opacity=".2"/>`,
    `<path d="${drawing.seams.join('')}" fill="none" stroke="${tones.darker}" stroke-width="1.3" opacity=".55"/>`,
    `<path d="${drawing.stitches.join('')}" fill="none" stroke="${tones.thread}" stroke-width="1.1" stroke-dasharray="4 2.6" opacity=".75"/>`,
    ...drawing.details,
  ].join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width * 2}" height="${height * 2}"><defs>${defs(drawing, ids, spec, tones)}</defs>${paint(markup, tones)}</svg>`;
}

interface Tones {
  base: string;
  accent: string;
  dark: string;
  darker: string;
  light: string;
  thread: string;
  metal: string;
  button: string;
  cord: string;
  ground: [string, string];
}

function tonesOf(spec: GarmentSpec): Tones {
  const { base, accent } = spec;
  const dim = brightness(base) < 0.3;
  const denim = spec.fabric === 'denim';
  return {
    base,
    accent,
    dark: darken(base, 0.25),
    darker: dim ? '#08080b' : darken(base, 0.6),
    light: lighten(base, dim ? 0.28 : 0.35),
    thread: denim ? '#d9a55c' : dim ? lighten(base, 0.3) : darken(base, 0.4),
    metal: denim ? '#c99b5a' : '#c3c6cc',
    button: denim ? '#c99b5a' : brightness(base) > 0.75 ? '#efe9dc' : darken(base, 0.35),
    cord: brightness(base) > 0.6 ? darken(base, 0.3) : lighten(base, 0.75),
    ground: grounds[spec.ground % grounds.length]!,
  };
}

/** Backdrops as in a photo studio: light at the top, slightly darker at the bottom. */
const grounds: [string, string][] = [
  ['#f5f1ea', '#e2dacd'],
  ['#f2f2f0', '#dcdcd8'],
  ['#eef1f1', '#d5dddd'],
  ['#f5eeeb', '#e4d5cf'],
  ['#f1f1ea', '#dbdccd'],
];

function defs(drawing: Drawing, ids: PieceIds, spec: GarmentSpec, tones: Tones): string {
  const [above, below] = tones.ground;
  const tile = fabricTile(spec.fabric, { b: tones.base, a: tones.accent, d: tones.darker, l: tones.light });
  const dim = brightness(tones.base) < 0.3;
  const shade = (opacity: number) => `stop-color="#0d0b14" stop-opacity="${opacity}"`;
  const glow = (opacity: number) => `stop-color="#fff" stop-opacity="${opacity}"`;
  return [
    `<linearGradient id="g" x2="0" y2="1"><stop stop-color="${above}"/><stop offset="1" stop-color="${below}"/></linearGradient>`,
    `<radialGradient id="e"><stop stop-color="#3a3128" stop-opacity=".28"/><stop offset="1" stop-color="#3a3128" stop-opacity="0"/></radialGradient>`,
    `<linearGradient id="s" y2=".12"><stop ${shade(0.26)}/><stop offset=".16" ${shade(0.04)}/><stop offset=".34" ${glow(dim ? 0.13 : 0.2)}/><stop offset=".62" ${shade(0)}/><stop offset=".86" ${shade(0.12)}/><stop offset="1" ${shade(0.34)}/></linearGradient>`,
    `<linearGradient id="v" x2="0" y2="1"><stop ${glow(0.08)}/><stop offset=".5" ${shade(0)}/><stop offset="1" ${shade(0.16)}/></linearGradient>`,
    tile
      ? `<pattern id="p" width="${tile.width}" height="${tile.height}" patternUnits="userSpaceOnUse"${tile.turn ? ` patternTransform="rotate(${tile.turn})"` : ''}>${tile.markup}</pattern>`
      : '',
    ...drawing.pieces.map((piece) => `<path id="${ids.of(piece)}" d="${piece.d}"/>`),
  ].join('');
}

class PieceIds {
  readonly #pieces: Piece[];

  constructor(pieces: Piece[]) {
    this.#pieces = pieces;
  }

  of(piece: Piece): string {
    return `c${this.#pieces.indexOf(piece)}`;
  }
}

/** Draws the shadow as copies that grow fainter outwards, in place of a blur. */
function shadow(pieces: Piece[], ids: PieceIds): string {
  const outlines = pieces.filter((piece) => !piece.flat).map((piece) => one(piece, ids, ''));
  const copy = (size: number, opacity: number) =>
    `<g fill="#2b241c" stroke="#2b241c" stroke-width="${size}" stroke-linejoin="round" opacity="${opacity}" transform="translate(5 8)">`;
  const [first = '', ...rest] = [copy(14, 0.035), copy(8, 0.05), copy(2, 0.07)];
  return `${first}<g id="o">${outlines.join('')}</g></g>${rest.map((open) => `${open}<use href="#o"/></g>`).join('')}`;
}

function cloth(piece: Piece, ids: PieceIds, tones: Tones, spec: GarmentSpec): string {
  const color = piece.accent ? tones.accent : tones.base;
  const tone = piece.tone ?? 0;
  const fill = tone < 0 ? darken(color, -tone) : mix(color, '#ffffff', tone);
  const patterned = spec.fabric !== 'plain' && !piece.plain && !piece.accent;
  const layers = [
    one(piece, ids, ` fill="${fill}"`),
    patterned ? one(piece, ids, ` fill="url(#p)"`) : '',
    piece.flat ? '' : one(piece, ids, ' fill="url(#s)"') + one(piece, ids, ' fill="url(#v)"'),
    one(piece, ids, ` fill="none" stroke="${tones.darker}" stroke-width="1.2" stroke-opacity=".45"`),
  ];
  return layers.join('');
}

function one(piece: Piece, ids: PieceIds, attributes: string): string {
  const use = `<use href="#${ids.of(piece)}"${attributes}/>`;
  return piece.pair ? use + mirrored(use) : use;
}

function paint(markup: string, tones: Tones): string {
  return markup.replace(/\{(\w+)\}/g, (_, name: keyof Tones) => String(tones[name]));
}

function shadowY(kind: GarmentKind): number {
  if (kind === 'cap') return 352;
  if (kind === 'shorts' || kind === 'socks') return 400;
  return kind === 'beanie' ? 414 : kind === 'jacket' ? 424 : 468;
}

// A garment's look is encoded in its file name, so that the picture under one name never changes.

export const garmentKinds = [
  'tee',
  'tank',
  'shirt',
  'blouse',
  'polo',
  'sweater',
  'cardigan',
  'hoodie',
  'jacket',
  'blazer',
  'coat',
  'vest',
  'dress',
  'skirt',
  'jeans',
  'trousers',
  'shorts',
  'socks',
  'cap',
  'beanie',
  'scarf',
] as const;
export type GarmentKind = (typeof garmentKinds)[number];

export interface GarmentSpec {
  kind: GarmentKind;
  fabric: Fabric;
  /** Such as `#26344f`. */
  base: string;
  /** Second colour, for the pattern, cuffs and collars. */
  accent: string;
  /** Number of the backdrop. */
  ground: number;
}

/** Raise this number when the drawing changes, because browsers keep pictures for a year. */
const edition = 1;

export function garmentUrl(spec: GarmentSpec): string {
  const parts = [spec.kind, spec.fabric, spec.base.slice(1), spec.accent.slice(1), spec.ground, edition];
  return `/images/${parts.join('-')}.svg`;
}

/** @returns undefined for a name that this edition does not draw. */
export function parseGarmentName(name: string): GarmentSpec | undefined {
  const match = /^([a-z]+)-([a-z]+)-([0-9a-f]{6})-([0-9a-f]{6})-(\d)-(\d{1,3})\.svg$/.exec(name);
  if (match === null) return undefined;
  const kind = garmentKinds.find((known) => known === match[1]);
  const fabric = fabrics.find((known) => known === match[2]);
  if (kind === undefined || fabric === undefined || Number(match[6]) !== edition) return undefined;
  return { kind, fabric, base: `#${match[3]}`, accent: `#${match[4]}`, ground: Number(match[5]) };
}
