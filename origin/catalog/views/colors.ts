// A product in one of its colours: its address, the colour that a page shows, and the colour's swatch.

import { type Html, html } from '../../web/page/html.ts';
import type { Image, ProductDetail } from '../product.ts';

/** Without a colour, the product's one canonical address. */
export function productHref(slug: string, color = ''): string {
  const path = `/p/${encodeURIComponent(slug)}`;
  return color === '' ? path : `${path}?color=${encodeURIComponent(color)}`;
}

/** @returns the product's own spelling of the colour that was asked for; undefined where it has none such */
export function findColor(colors: string[], asked: string): string | undefined {
  const plain = (color: string) => color.normalize('NFC').toLowerCase().trim();
  return colors.find((color) => color === asked) ?? colors.find((color) => plain(color) === plain(asked));
}

interface Wish {
  color?: string | undefined;
  variantId?: string | undefined;
}

/** What was asked for; else the first colour that is still to be had. */
export function shownColor({ variants }: ProductDetail, { color, variantId }: Wish): string {
  const asked = variants.find((variant) => variant.color === color);
  const chosen = variants.find((variant) => variant.id === variantId);
  const first = variants.find((variant) => variant.available > 0);
  return (asked ?? chosen ?? first ?? variants[0])?.color ?? '';
}

/** The colour's own picture first, those that are of no colour next, those of other colours last. At least one. */
export function picturesIn({ images, variants }: ProductDetail, color: string): Image[] {
  const own = new Set<string>();
  const others = new Set<string>();
  for (const { color: its, imageUrl } of variants) {
    if (imageUrl !== undefined) (its === color ? own : others).add(imageUrl);
  }
  const rank = ({ url }: Image) => (own.has(url) ? 0 : others.has(url) ? 2 : 1);
  return own.size === 0 ? images : images.toSorted((a, b) => rank(a) - rank(b));
}

/** As in assets/styles/8-dyes.css. */
const dyes = new Set(
  (
    'white ecru cream ivory sand beige camel tan brown chocolate black charcoal grey gray silver navy indigo blue denim ' +
    'sky-blue sky teal green sage olive khaki forest mint yellow mustard gold butter orange coral rust red burgundy wine ' +
    'blush pink rose lilac purple plum'
  ).split(' '),
);

/**
 * Picks a colour's swatch by its whole name or its last known word. An unknown colour gets a neutral swatch.
 */
export function dot(color: string): Html {
  const words = color.toLowerCase().match(/\p{L}+/gu) ?? [];
  const dye = [words.join('-'), ...words.reverse()].find((name) => dyes.has(name));
  return html`<span class="dot${dye === undefined ? '' : ` dye-${dye}`}"></span>`;
}
