// What a drawn garment looks like, encoded in its file name, so that a picture under one name never changes.
import { type Fabric, fabrics } from './fabrics.ts';

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
  /** The second colour: of the pattern, cuffs, collars. */
  accent: string;
  /** Which backdrop. */
  ground: number;
}

/** Raise it when the drawing changes: pictures are kept by browsers for a year. */
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
