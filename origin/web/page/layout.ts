// Renders the layout of every page.
// Without a visitor it is the same for everyone, and a small script adds name and bag count.
import { raw } from 'hono/html';
import { assetUrl } from '../assets.ts';
import { type Html, html } from './html.ts';

export interface NavigationItem {
  slug: string;
  name: string;
}

/** The visitor of a personal page. */
export interface PageVisitor {
  /** Undefined for a guest. */
  name: string | undefined;
  /** Pieces in the bag; undefined where the page has not read it. */
  count?: number | undefined;
}

/** A page that the law requires. */
export interface LawPage {
  path: string;
  name: string;
}

/** In the order of the footer of every page. */
export const lawPages: LawPage[] = [
  { path: '/delivery', name: 'Delivery' },
  { path: '/returns', name: 'Returns' },
  { path: '/contact', name: 'Contact' },
  { path: '/terms', name: 'Terms' },
  { path: '/privacy', name: 'Privacy' },
  { path: '/imprint', name: 'Imprint' },
];

export interface LayoutOptions {
  title: string;
  description?: string | undefined;
  /** Departments in the header. */
  navigation?: NavigationItem[];
  /** The department that this page belongs to. */
  department?: string | undefined;
  /** Absolute URL; also used for Open Graph. */
  canonicalUrl?: string | undefined;
  /** Absolute URL. */
  imageUrl?: string | undefined;
  /** Address of the list's previous page. */
  previousUrl?: string | undefined;
  /** Address of the list's next page. */
  nextUrl?: string | undefined;
  openGraphType?: 'website' | 'product';
  /** Hidden from search engines: personal pages and filtered lists. */
  unlisted?: boolean;
  /** The address is a secret, so requests from this page send no referrer. */
  secretAddress?: boolean;
  /** Structured data (schema.org). */
  jsonLd?: object | undefined;
  /** Words in the search field of the header. */
  q?: string;
  /** Absent on shared pages. */
  visitor?: PageVisitor | undefined;
}

export function layout(options: LayoutOptions, content: Html): Html {
  return html`<!doctype html>
<html lang="en"${visitorData(options.visitor)}>
<head>
<meta charset="utf-8">
<title>${options.title} · MyClothes</title>
${options.secretAddress ? html`<meta name="referrer" content="strict-origin">` : ''}
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${assetUrl('shop.css')}">
<script type="module" src="${assetUrl('shop.js')}"></script>
<link rel="icon" href="${assetUrl('favicon.svg')}" type="image/svg+xml">
<link rel="manifest" href="/manifest.webmanifest">
<meta name="theme-color" content="#f8f4ec" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#151311" media="(prefers-color-scheme: dark)">
${options.description ? html`<meta name="description" content="${options.description}">` : ''}
${options.unlisted ? html`<meta name="robots" content="noindex">` : ''}
${options.previousUrl ? html`<link rel="prev" href="${options.previousUrl}">` : ''}
${options.nextUrl ? html`<link rel="next" href="${options.nextUrl}">` : ''}
${openGraph(options)}
${options.jsonLd ? html`<script type="application/ld+json">${raw(scriptData(options.jsonLd))}</script>` : ''}
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
${masthead(options)}
<div class="stitch"></div>
<main id="content" tabindex="-1">
${content}
</main>
${foot()}
</body>
</html>`;
}

/** Data for the script: the visitor's first name, and whether the page shows the count. */
function visitorData(visitor: PageVisitor | undefined): Html | '' {
  if (visitor === undefined) return '';
  const counted = visitor.count === undefined ? '' : html` data-counted`;
  return html` data-name="${encodeURIComponent(firstName(visitor.name))}"${counted}`;
}

function openGraph(options: LayoutOptions): Html | '' {
  if (options.canonicalUrl === undefined) return '';
  return html`<link rel="canonical" href="${options.canonicalUrl}">
<meta property="og:site_name" content="MyClothes">
<meta property="og:type" content="${options.openGraphType ?? 'website'}">
<meta property="og:title" content="${options.title}">
<meta property="og:url" content="${options.canonicalUrl}">
${options.description ? html`<meta property="og:description" content="${options.description}">` : ''}
${options.imageUrl ? html`<meta property="og:image" content="${options.imageUrl}">` : ''}`;
}

function masthead({ navigation = [], department, q = '', visitor }: LayoutOptions): Html {
  return html`<header class="masthead">
<a class="mark" href="/" aria-label="MyClothes, home"><em>My</em>Clothes</a>
<form class="finder" action="/search" role="search">
<label class="hidden" for="q">Search</label>
<input id="q" name="q" type="search" value="${q}" placeholder="Linen shirt, wool coat …" maxlength="200" autocomplete="off">
<button type="submit">Search</button>
</form>
<div class="actions">
<a href="/account" data-name-here>${visitor?.name ? firstName(visitor.name) : 'Account'}</a>
<a href="/cart">Bag <span class="bag-count" data-count-here>${visitor?.count || ''}</span></a>
</div>
<nav class="departments" aria-label="Departments"><ul>
${navigation.map(
  (item) =>
    html`<li><a href="/c/${item.slug}"${item.slug === department ? raw(' aria-current="true"') : ''}>${item.name}</a></li>`,
)}
</ul></nav>
</header>`;
}

function foot(): Html {
  return html`<footer class="foot">
<div><p class="mark"><em>My</em>Clothes</p>
<p>Clothes made to be kept.</p></div>
<ul class="plain"><li><a href="/search">All products</a></li><li><a href="/cart">Your bag</a></li><li><a href="/account">Your account and orders</a></li><li><a href="/find-order">Find an order</a></li><li><a href="/withdrawal">Withdraw from a contract</a></li></ul>
<ul class="plain">${lawPages.map(({ path, name }) => html`<li><a href="${path}">${name}</a></li>`)}</ul>
<p><a href="/api/docs">For developers</a></p>
</footer>`;
}

/** The first name for the heading: short, and never cut within a character. */
export function firstName(name: string | undefined): string {
  return (name ?? '').trim().split(/\s+/)[0]!.slice(0, 24).toWellFormed();
}

/** Only `<` could end a script element. */
function scriptData(data: object): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}
