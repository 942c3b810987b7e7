// Picks a colour's swatch by its whole name or its last known word. An unknown colour gets a neutral swatch.
import { type Html, html } from '../../web/page/html.ts';

/** As in assets/styles/8-dyes.css. */
const dyes = new Set(
  (
    'white ecru cream ivory sand beige camel tan brown chocolate black charcoal grey gray silver navy indigo blue denim ' +
    'sky-blue sky teal green sage olive khaki forest mint yellow mustard gold butter orange coral rust red burgundy wine ' +
    'blush pink rose lilac purple plum'
  ).split(' '),
);

export function dot(color: string): Html {
  const words = color.toLowerCase().match(/\p{L}+/gu) ?? [];
  const dye = [words.join('-'), ...words.reverse()].find((name) => dyes.has(name));
  return html`<span class="dot${dye === undefined ? '' : ` dye-${dye}`}"></span>`;
}
