// Colours as swatches and sizes as buttons, without a script: a colour's sizes follow its radio button, and the style sheet shows those of the chosen one.
import { raw } from 'hono/html';
import { formatMoney } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { ProductDetail, Variant } from '../product.ts';
import { dot } from './dyes.ts';

export interface Chosen {
  variantId?: string | undefined;
  color?: string | undefined;
  quantity?: string | undefined;
}

/** Posts `variantId`, `quantity` and the `color` that was in sight: a size chosen under another colour is meant in this one. */
export function variantPicker(product: ProductDetail, chosen: Chosen = {}): Html {
  const byColor = [...Map.groupBy(product.variants, (variant) => variant.color)];
  const isSoldOut = product.variants.every((variant) => variant.available === 0);
  const shown = chosenColor(byColor, chosen);
  const isOneColor = byColor.length === 1;
  const sole = product.variants.length === 1;
  const context = { product, chosen, sole };
  return html`<form class="picker" action="/cart" method="post" data-add>
<input type="hidden" name="product" value="${product.slug}">
${
  isOneColor
    ? byColor.map(([color, variants]) => sizes(context, variants, color, 'only'))
    : html`<fieldset class="colors"><legend class="label">Colour</legend>${byColor.map(
        ([color, variants], index) => html`
<input class="swatch-input" type="radio" name="color" id="color-${index}" value="${color}"${raw(color === shown ? ' checked' : '')}>
<label class="choice" for="color-${index}">${dot(color)}${color || 'As shown'}</label>
${sizes(context, variants, color, '')}`,
      )}</fieldset>`
}
${
  isSoldOut
    ? html`<p class="notice">Sold out.</p>`
    : html`<div class="buy"><div class="field"><label for="quantity">Quantity</label>
<input class="input quantity" id="quantity" name="quantity" type="number" inputmode="numeric" min="1" max="99" required value="${chosen.quantity || '1'}"></div>
<button class="button" type="submit">Add to bag</button></div>`
}
</form>`;
}

interface PickerContext {
  product: ProductDetail;
  chosen: Chosen;
  sole: boolean;
}

function sizes(
  { product, chosen, sole }: PickerContext,
  variants: Variant[],
  color: string,
  extra: string,
): Html {
  const legend = color === '' ? 'Size' : `Size in ${color}`;
  return html`<fieldset class="sizes ${extra}"><legend class="label">${legend}</legend><div class="options">${variants.map(
    (variant) => {
      const gone = variant.available === 0;
      const checked = !gone && (sole || variant.id === chosen.variantId);
      const costsOther = variant.price.amount !== product.price.amount;
      return html`<span><input class="choice-input" type="radio" name="variantId" id="v-${variant.id}" value="${variant.id}" data-size="${variant.size}"${raw(gone ? ' disabled' : '')}${raw(checked ? ' checked' : '')}><label class="choice" for="v-${variant.id}">${variant.size || 'One size'}${costsOther ? html` <span class="count">${formatMoney(variant.price.amount)}</span>` : ''}${gone ? html`<span class="hidden">, sold out</span>` : ''}</label></span>`;
    },
  )}</div>${scarce(variants)}</fieldset>`;
}

function scarce(variants: Variant[]): Html | '' {
  const last = variants.filter((variant) => variant.available > 0 && variant.available <= 3);
  if (last.length === 0) return '';
  const told = last
    .slice(0, 3)
    .map(({ size, available }) => `${available} left${size === '' ? '' : ` in ${size}`}`);
  return html`<p class="hint">Only ${told.join(', ')}.</p>`;
}

/** What was chosen; else the first colour that is still to be had. */
function chosenColor(byColor: [string, Variant[]][], chosen: Chosen): string | undefined {
  const asked = byColor.find(([color]) => color === chosen.color);
  const ofVariant = byColor.find(([, variants]) => variants.some(({ id }) => id === chosen.variantId));
  const first = byColor.find(([, variants]) => variants.some(({ available }) => available > 0));
  return (asked ?? ofVariant ?? first ?? byColor[0])?.[0];
}
