// Renders products as cards, in lists and on the home page.
// Also gives a product's address, swatch and pictures in one colour.
import { raw } from 'hono/html';
import { formatMoney, type Money } from '../../web/money.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { ShownColors } from '../list/list-products.ts';
import type { CategoryNode, Image, ProductDetail, ProductSummary } from '../product.ts';

interface Grid {
  /** Number of pictures that the browser loads at once. */
  eager?: number;
  shownColors?: ShownColors;
}

/** Renders a product in a list: picture, name, price, availability. */
export function productGrid(products: ProductSummary[], { eager = 4, shownColors }: Grid = {}): Html {
  return html`<ul class="grid">${products.map((product, index) => productCard(product, index < eager, shownColors?.get(product.id)))}</ul>`;
}

/** @param color the colour of the card's picture and of the linked page */
function productCard(product: ProductSummary, eager: boolean, color: string | undefined): Html {
  const gone = product.available === 0;
  return html`<li class="product">
<h3><a href="${productHref(product.slug, color)}">${product.name}</a></h3>
<p class="brand">${product.brand}</p>
<p class="price">${formatMoney(product.price.amount)}${wasPrice(product.was)}${gone ? html` · <span class="soft">Sold out</span>` : ''}</p>
<div class="tile${gone ? ' gone' : ''}">${picture({ url: product.image.url, alt: '' }, eager)}</div>
</li>`;
}

/** The lowest price of the 30 days before a reduction (Directive 98/6/EC, Article 6a). */
export function wasPrice(was: Money | undefined): Html | '' {
  return was === undefined
    ? ''
    : html` <s class="was"><span class="hidden">before: </span>${formatMoney(was.amount)}</s>`;
}

/** All pictures are 4 : 5. Pictures further down load when they are near the viewport. */
export function picture(image: Image, eager = false): Html {
  return html`<img src="${image.url}" alt="${image.alt}" width="800" height="1000"${raw(eager ? '' : ' loading="lazy"')}>`;
}

/** The home page: introduction, new products, all categories. */
interface HomePage {
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

/** Without a colour, this is the product's canonical address. */
export function productHref(slug: string, color = ''): string {
  const path = `/p/${encodeURIComponent(slug)}`;
  return color === '' ? path : `${path}?color=${encodeURIComponent(color)}`;
}

/** @returns the product's own spelling of a requested colour; undefined where it has no such colour */
export function findColor(colors: string[], asked: string): string | undefined {
  const plain = (color: string) => color.normalize('NFC').toLowerCase().trim();
  return colors.find((color) => color === asked) ?? colors.find((color) => plain(color) === plain(asked));
}

interface Wish {
  color?: string | undefined;
  variantId?: string | undefined;
}

/** The requested colour; else the first one that is in stock. */
export function shownColor({ variants }: ProductDetail, { color, variantId }: Wish): string {
  const asked = variants.find((variant) => variant.color === color);
  const chosen = variants.find((variant) => variant.id === variantId);
  const first = variants.find((variant) => variant.available > 0);
  return (asked ?? chosen ?? first ?? variants[0])?.color ?? '';
}

/**
 * The colour's own pictures come first, then those without a colour, then those of other colours. Returns at least
 * one.
 */
export function picturesIn({ images, variants }: ProductDetail, color: string): Image[] {
  const own = new Set<string>();
  const others = new Set<string>();
  for (const { color: its, imageUrl } of variants) {
    if (imageUrl !== undefined) (its === color ? own : others).add(imageUrl);
  }
  const rank = ({ url }: Image) => (own.has(url) ? 0 : others.has(url) ? 2 : 1);
  return own.size === 0 ? images : images.toSorted((a, b) => rank(a) - rank(b));
}

/** Keep in step with assets/styles/8-dyes.css. */
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
