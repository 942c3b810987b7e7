// Renders a product in a list: picture, name, price, availability.
import { raw } from 'hono/html';
import { formatMoney, type Money } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { ShownColors } from '../list/list-products.ts';
import type { Image, ProductSummary } from '../product.ts';
import { productHref } from './colors.ts';

interface Grid {
  /** How many pictures are loaded at once. */
  eager?: number;
  shownColors?: ShownColors;
}

export function productGrid(products: ProductSummary[], { eager = 4, shownColors }: Grid = {}): Html {
  return html`<ul class="grid">${products.map((product, index) => productCard(product, index < eager, shownColors?.get(product.id)))}</ul>`;
}

/** @param color that its picture shows, and its page will */
function productCard(product: ProductSummary, eager: boolean, color: string | undefined): Html {
  const gone = product.available === 0;
  return html`<li class="product">
<h3><a href="${productHref(product.slug, color)}">${product.name}</a></h3>
<p class="brand">${product.brand}</p>
<p class="price">${formatMoney(product.price.amount)}${wasPrice(product.was)}${gone ? html` · <span class="soft">Sold out</span>` : ''}</p>
<div class="tile${gone ? ' gone' : ''}">${picture({ url: product.image.url, alt: '' }, eager)}</div>
</li>`;
}

/** The lowest price of the 30 days before a reduction, as the law has it. */
export function wasPrice(was: Money | undefined): Html | '' {
  return was === undefined
    ? ''
    : html` <s class="was"><span class="hidden">before: </span>${formatMoney(was.amount)}</s>`;
}

/** 4 : 5 like every picture of the shop. Pictures further down wait until they are near. */
export function picture(image: Image, eager = false): Html {
  return html`<img src="${image.url}" alt="${image.alt}" width="800" height="1000"${raw(eager ? '' : ' loading="lazy"')}>`;
}
