// Renders the home page: introduction, new products, all categories.
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
<p class="lead">Clothes cut to be worn for years, in a bag that keeps what you choose until you come back.</p>
<p class="row"><a class="button" href="/search">Shop all</a> <a href="#categories">or browse by category</a></p></div>
<div class="hero-pictures">${[first, second].map((product) => product && heroPicture(product))}</div>
</section>
<section class="section" aria-labelledby="new"><div class="section-head"><h2 id="new">New in</h2><a href="/search">See all new in</a></div>
${productGrid(others, { eager: 2 })}</section>
<section class="section" aria-labelledby="categories"><div class="section-head"><h2 id="categories">Shop by category</h2></div>
<ul class="index">${categories.filter((category) => category.parent === null).map((category) => indexEntry(category, categories))}</ul></section>
<section class="section promises" aria-labelledby="why">
<h2 class="hidden" id="why">Why shop here</h2>
<div><h3>Your bag stays packed</h3><p>Close the page and come back next week: what you added is still in your bag. Sign in, and it is there on every device.</p></div>
<div><h3>Buy without an account</h3><p>Your name and address are all we need. You can create an account after your order.</p></div>
<div><h3>The price you see</h3><p>If a price changes while you shop, we tell you before you order, and you decide.</p></div>
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
