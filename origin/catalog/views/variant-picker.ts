// Renders the choice of a variant: colours as links, sizes of the chosen colour as buttons. Works without JavaScript.
import { raw } from 'hono/html';
import { formatMoney } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { ProductDetail, Variant } from '../product.ts';
import { productHref } from './colors.ts';
import { dot } from './dyes.ts';

export interface Chosen {
  variantId?: string | undefined;
  color?: string | undefined;
  quantity?: string | undefined;
}

/** Posts `variantId`, `quantity` and the `color` that is in sight. */
export function variantPicker(product: ProductDetail, shown: string, chosen: Chosen = {}): Html {
  const byColor = [...Map.groupBy(product.variants, (variant) => variant.color)];
  const isSoldOut = product.variants.every((variant) => variant.available === 0);
  const ofColor = product.variants.filter((variant) => variant.color === shown);
  return html`<form class="picker" action="/cart" method="post" data-add>
<input type="hidden" name="product" value="${product.slug}">
<input type="hidden" name="color" value="${shown}">
${byColor.length > 1 ? swatches(product, byColor, shown) : ''}
${sizes(product, ofColor, shown, chosen)}
${
  isSoldOut
    ? html`<p class="notice">Sold out.</p>`
    : html`<div class="buy"><div class="field"><label for="quantity">Quantity</label>
<input class="input quantity" id="quantity" name="quantity" type="number" inputmode="numeric" min="1" max="99" required value="${chosen.quantity || '1'}"></div>
<button class="button" type="submit">Add to bag</button></div>`
}
<div class="added" role="status"></div>
</form>`;
}

function swatches(product: ProductDetail, byColor: [string, Variant[]][], shown: string): Html {
  return html`<div class="colors" role="group" aria-labelledby="colors"><p class="label" id="colors">Colour</p><ul class="options">${byColor.map(
    ([color, variants]) => {
      const gone = variants.every(({ available }) => available === 0);
      return html`
<li><a class="choice${gone ? ' gone' : ''}" href="${productHref(product.slug, color)}"${raw(color === shown ? ' aria-current="true"' : '')} data-swatch>${dot(color)}${color || 'As shown'}${gone ? html`<span class="hidden">, sold out</span>` : ''}</a></li>`;
    },
  )}</ul></div>`;
}

function sizes(product: ProductDetail, variants: Variant[], color: string, chosen: Chosen): Html {
  const legend = color === '' ? 'Size' : `Size in ${color}`;
  const isSole = product.variants.length === 1;
  return html`<fieldset class="sizes"><legend class="label">${legend}</legend><div class="options">${variants.map(
    (variant) => {
      const gone = variant.available === 0;
      const checked = !gone && (isSole || variant.id === chosen.variantId);
      const costsOther = variant.price.amount !== product.price.amount;
      return html`<span><input class="choice-input" type="radio" name="variantId" id="v-${variant.id}" value="${variant.id}" data-size="${variant.size}"${raw(gone ? ' disabled' : '')}${raw(checked ? ' checked' : '')}><label class="choice" for="v-${variant.id}">${variant.size || 'One size'}${costsOther ? html` <span class="count">${formatMoney(variant.price.amount)}</span>` : ''}${gone ? html`<span class="hidden">, sold out</span>` : ''}</label></span>`;
    },
  )}</div>${scarce(variants)}</fieldset>`;
}

function scarce(variants: Variant[]): Html | '' {
  const last = variants.filter((variant) => variant.available > 0 && variant.available <= 3);
  if (last.length === 0) return '';
  const limited = last
    .slice(0, 3)
    .map(({ size, available }) => `${available} left${size === '' ? '' : ` in ${size}`}`);
  return html`<p class="hint">Only ${limited.join(', ')}.</p>`;
}
