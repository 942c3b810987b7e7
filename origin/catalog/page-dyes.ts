// A colour's swatch: names end in a word that the style sheet has a dye for; others get a neutral one, and every name stands beside.
import { type Html, html } from '../web/html.ts';

const dyes = new Set(
  (
    'black white grey charcoal silver navy blue sky indigo teal green olive sage mint yellow mustard orange rust red ' +
    'burgundy pink rose purple lilac brown tan camel beige cream sand'
  ).split(' '),
);
const otherWords: Record<string, string> = {
  gray: 'grey',
  ivory: 'cream',
  wine: 'burgundy',
  denim: 'indigo',
};

export function dot(color: string): Html {
  const words = color.toLowerCase().match(/\p{L}+/gu) ?? [];
  const dye = words
    .map((word) => otherWords[word] ?? word)
    .reverse()
    .find((word) => dyes.has(word));
  return html`<span class="dot${dye === undefined ? '' : ` dye-${dye}`}"></span>`;
}
