// The product feed for search engines and marketplaces: RSS 2.0 with Google's product members, one item a variant.
import { type Context, Hono } from 'hono';
import { sql } from 'kysely';
import type { Fresh } from '../cache/entry.ts';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import type { DbOrTx } from '../schema.ts';
import type { AppEnv } from '../web/env.ts';
import { shopCurrency } from '../web/money.ts';
import { siteTags } from '../web/shared/release.ts';
import { respondShared, type SharedBody } from '../web/shared/shared-response.ts';
import { imageOrPlaceholder } from './product.ts';
import { allFacts, factNames, type ProductFacts } from './product-facts.ts';
import { htmlToText } from './product-text.ts';
import { availablePieces, nextFlip, untilOf } from './read-product.ts';
import { catalogTag, feedTag, productTag, readSetVersions } from './tags.ts';

const productsPerPage = 500;
const longestDescription = 2_000;

export function productFeed(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>().get('/feeds/products.xml', (c: Context<AppEnv>) => {
    const asked = c.req.query('page') ?? '1';
    if (!/^[1-9]\d{0,4}$/.test(asked)) throw notFound('This page of the feed');
    const page = Number(asked);
    return respondShared(c, deps, {
      key: `page:/feeds/products.xml:${page}`,
      produce: (db) => feedPage(db, deps.settings.siteUrl, page),
    });
  });
}

interface FeedVariant {
  id: string;
  sku: string;
  size: string;
  color: string;
  price: number;
  isAvailable: boolean;
  barcode: string | null;
  imageUrl: string | null;
}

interface FeedProduct {
  id: string;
  version: number;
  slug: string;
  name: string;
  description: string;
  brand: string;
  category: string;
  was: number | null;
  facts: ProductFacts;
  imageUrl: string | null;
  variants: FeedVariant[];
}

/**
 * Carries the version of each product that it shows, so that it is current once a change is done. Where these are too
 * many for a `Cache-Tag` field, edges do not store the page. The two sets tell of new products and of stock.
 */
async function feedPage(db: DbOrTx, siteUrl: string, page: number): Promise<Fresh<SharedBody>> {
  // Versions are read first. A change meanwhile raises them, and the page is made again.
  const tags = await readSetVersions(db, [catalogTag, feedTag]);
  const flip = await sql<{ at: Date | null }>`select ${nextFlip} as at`.execute(db);
  const { rows } = await sql<FeedProduct>`
    select p.id, p.version, p.slug, p.name, p.description_html as description, p.brand, c.name as category, p.was_amount as was, p.facts,
      (select i.url from product_images i where i.product_id = p.id order by i.position, i.id limit 1) as "imageUrl",
      coalesce((
        select json_agg(json_build_object('id', v.id::text, 'sku', v.sku, 'size', v.size, 'color', v.color,
          'price', v.price_amount, 'isAvailable', ${availablePieces} > 0, 'barcode', v.file_cells ->> 'Variant Barcode',
          'imageUrl', v.image_url) order by v.position, v.id)
        from variants v where v.product_id = p.id and v.archived_at is null), '[]') as variants
    from products p join categories c on c.id = p.category_id
    where p.status = 'active'
    order by p.id offset ${(page - 1) * productsPerPage} limit ${productsPerPage + 1}`.execute(db);
  if (rows.length === 0 && page > 1) throw notFound('This page of the feed');
  const shown = rows.slice(0, productsPerPage);
  const self = `${siteUrl}/feeds/products.xml`;
  const next = rows.length > shown.length ? link('next', `${self}?page=${page + 1}`) : '';
  const body = `<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0" xmlns:atom="http://www.w3.org/2005/Atom">
<channel>
<title>MyClothes.com</title>
<link>${escapeXml(siteUrl)}</link>
<description>All products</description>
${link('self', page === 1 ? self : `${self}?page=${page}`)}${next}
${shown.flatMap((product) => product.variants.map((variant) => itemOf(siteUrl, product, variant))).join('\n')}
</channel>
</rss>
`;
  return {
    value: { status: 200, contentType: 'application/xml; charset=utf-8', body },
    tags: {
      ...siteTags,
      ...tags,
      ...Object.fromEntries(shown.map((one) => [productTag(one.id), one.version])),
    },
    until: untilOf(flip.rows[0]!.at),
  };
}

function link(rel: string, href: string): string {
  return `<atom:link rel="${rel}" type="application/rss+xml" href="${escapeXml(href)}"/>`;
}

function itemOf(siteUrl: string, product: FeedProduct, variant: FeedVariant): string {
  const { id, slug, name, brand, category, was } = product;
  const { sku, size, color, price, barcode } = variant;
  const query = color === '' ? '' : `?${new URLSearchParams({ color })}`;
  const isReduced = was !== null && was > price;
  const description = htmlToText(product.description).slice(0, longestDescription).toWellFormed();
  const own = variant.imageUrl ?? product.imageUrl;
  const { url: image } = imageOrPlaceholder(own === null ? undefined : { url: own, alt: name }, name);
  const members: [string, string | null][] = [
    ['g:id', variant.id],
    ['g:item_group_id', id],
    ['title', [name, color, size].filter(Boolean).join(', ')],
    ['description', description || name],
    ['link', `${siteUrl}/p/${encodeURIComponent(slug)}${query}`],
    ['g:image_link', new URL(image, siteUrl).href],
    ['g:availability', variant.isAvailable ? 'in_stock' : 'out_of_stock'],
    ['g:price', amountOf(isReduced ? was : price)],
    ['g:sale_price', isReduced ? amountOf(price) : null],
    ['g:condition', 'new'],
    ['g:brand', brand],
    ['g:gtin', barcode !== null && /^\d{8}$|^\d{12,14}$/.test(barcode) ? barcode : null],
    ['g:mpn', sku],
    ['g:color', color],
    ['g:size', size],
    ['g:product_type', category],
    ['g:material', product.facts.material?.slice(0, 200).toWellFormed() ?? null],
  ];
  const written = members.flatMap(([member, value]) =>
    value ? `<${member}>${escapeXml(value)}</${member}>` : [],
  );
  return `<item>${written.join('')}${detailsOf(product.facts)}</item>`;
}

/** Lists the facts that have no member of their own in Google's format. */
function detailsOf(facts: ProductFacts): string {
  return allFacts
    .filter((name) => name !== 'material' && facts[name])
    .map((name) => {
      const { label } = factNames[name];
      return `<g:product_detail><g:attribute_name>${escapeXml(label)}</g:attribute_name><g:attribute_value>${escapeXml(facts[name]!.slice(0, 1_000).toWellFormed())}</g:attribute_value></g:product_detail>`;
    })
    .join('');
}

function amountOf(amount: number): string {
  return `${(amount / 100).toFixed(2)} ${shopCurrency}`;
}

/** XML 1.0 has no way to write control characters. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
