// A product as lists show it: picture, name, price, and whether it is still to be had.
import { raw } from 'hono/html';
import { formatMoney } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { Image, ProductSummary } from '../product.ts';

export function productGrid(products: ProductSummary[], eager = 4): Html {
  return html`<ul class="grid">${products.map((product, index) => productCard(product, index < eager))}</ul>`;
}

function productCard(product: ProductSummary, eager: boolean): Html {
  const gone = product.available === 0;
  return html`<li class="product">
<h3><a href="/p/${product.slug}">${product.name}</a></h3>
<p class="brand">${product.brand}</p>
<p class="price">${formatMoney(product.price.amount)}${gone ? html` · <span class="soft">Sold out</span>` : ''}</p>
<div class="tile${gone ? ' gone' : ''}">${picture({ url: product.image.url, alt: '' }, eager)}</div>
</li>`;
}

/** 4 : 5 like every picture of the shop. Pictures further down wait until they are near. */
export function picture(image: Image, eager = false): Html {
  return html`<img src="${image.url}" alt="${image.alt}" width="800" height="1000"${raw(eager ? '' : ' loading="lazy"')}>`;
}
