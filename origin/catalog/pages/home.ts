// The front door: what the shop is, what is new, and an index of everything.

import { formatMoney } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { CategoryNode, ProductSummary } from '../product.ts';
import { picture, productGrid } from './product-card.ts';

export interface HomePage {
  categories: CategoryNode[];
  newest: ProductSummary[];
}

export function homePage({ categories, newest }: HomePage): Html {
  const [first, second] = newest.toSorted((a, b) => b.price.amount - a.price.amount);
  const others = newest.filter((product) => product !== first && product !== second);
  return html`<section class="hero">
<div><h1>Good clothes. <em>Kept.</em></h1>
<p class="lead">Cut to be worn for years, and laid in a bag that never forgets: what you choose on the train is there on the sofa.</p>
<p class="row"><a class="button" href="/search">See everything</a> <a href="#index">or browse the index</a></p></div>
<div class="hero-pictures">${[first, second].map((product) => product && heroPicture(product))}</div>
</section>
<section class="section" aria-labelledby="new"><div class="section-head"><h2 id="new">New on the rail</h2><a href="/search?sort=newest">All that is new</a></div>
${productGrid(others, 2)}</section>
<section class="section" aria-labelledby="index"><div class="section-head"><h2 id="index">The index</h2></div>
<ul class="index">${categories.filter((category) => category.parent === null).map((category) => indexEntry(category, categories))}</ul></section>
<section class="section promises" aria-label="What we promise">
<div><h3>Your bag stays packed</h3><p>A piece is in your bag only once it is safely written down, in more than one place. Close the page, change the device, come back next week.</p></div>
<div><h3>Buy without an account</h3><p>Name, address, done. If you want to keep the order, make an account afterwards.</p></div>
<div><h3>The price you see</h3><p>Should a price or the stock change while you shop, we tell you before you pay, and you decide.</p></div>
</section>`;
}

function heroPicture(product: ProductSummary): Html {
  return html`<a href="/p/${product.slug}"><figure><div class="tile">${picture(product.image, true)}</div>
<figcaption>${product.name}, <span class="price">${formatMoney(product.price.amount)}</span></figcaption></figure></a>`;
}

function indexEntry(category: CategoryNode, all: CategoryNode[]): Html {
  const below = all.filter((other) => other.parent === category.slug);
  return html`<li><a href="/c/${category.slug}">${category.name} <span class="count">${category.productCount}</span></a>
${below.length === 0 ? '' : html`<ul>${below.map((child) => html`<li><a href="/c/${child.slug}">${child.name}</a></li>`)}</ul>`}</li>`;
}
