// The catalog's pages and its sitemap. They are the same for everyone and stay cached until their content changes.
import { type Context, Hono } from 'hono';
import { sql } from 'kysely';
import type { Fresh } from '../cache/entry.ts';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import type { DbOrTx } from '../schema.ts';
import type { AppEnv } from '../web/env.ts';
import { lawPages } from '../web/page/layout.ts';
import { siteTags } from '../web/shared/release.ts';
import { respondShared, type SharedBody } from '../web/shared/shared-response.ts';
import { listCategories } from './categories.ts';
import { listKey, parseListQuery } from './list/list-query.ts';
import { readProduct } from './read-product.ts';
import { catalogTag, isSlug, readSetVersions } from './tags.ts';
import {
  categoryDocument,
  type DescribeDelivery,
  homeDocument,
  productDocument,
  searchDocument,
} from './views/documents.ts';
import { findColor } from './views/product-card.ts';

export function catalogPages(deps: Deps, describeDelivery: DescribeDelivery): Hono<AppEnv> {
  const { siteUrl: url, paymentProviders } = deps.settings;
  const site = { url, paymentProviders, describeDelivery };
  const pages = new Hono<AppEnv>();
  pages.route('/', sitemapPages(deps));

  pages.get('/', (c) =>
    respondShared(c, deps, { key: 'page:/', produce: (db: DbOrTx) => homeDocument(db, site) }),
  );

  pages.get('/p/:slug', async (c) => {
    const slug = c.req.param('slug');
    const asked = c.req.query('color');
    const color = asked === undefined ? undefined : await readKnownColor(deps, slug, asked);
    const response = await respondShared(c, deps, {
      key: color === undefined ? `page:/p/${slug.slice(0, 300)}` : `page:/p:${JSON.stringify([slug, color])}`,
      produce: (db) => productDocument(db, site, slug, color),
      // A colour that is unknown today may exist tomorrow.
      isOfAddress: asked === undefined || color !== undefined,
    });
    return withQuery(response, c);
  });

  pages.get('/c/:category', async (c) => {
    const query = { ...listQueryOf(c), q: '', category: c.req.param('category') };
    const response = await respondShared(c, deps, {
      key: `page:/c:${listKey(query)}`,
      produce: (db) => categoryDocument(db, site, query),
    });
    return withQuery(response, c);
  });

  pages.get('/search', (c) => {
    const query = listQueryOf(c);
    return respondShared(c, deps, {
      key: `page:/search:${listKey(query)}`,
      produce: (db) => searchDocument(db, site, query),
    });
  });
  return pages;
}

/**
 * Accepts only colours of the product, so that no other value makes a further cached page. @returns undefined for
 * others
 */
async function readKnownColor(
  deps: Pick<Deps, 'cache'>,
  slug: string,
  asked: string,
): Promise<string | undefined> {
  if (!isSlug(slug) || asked === '' || asked.length > 200) return undefined;
  const { value } = await deps.cache.read<string[]>({
    key: `product-colors:${slug}`,
    fromReplicas: true,
    fill: async (db) => {
      const { value: product, tags } = await readProduct(db, slug);
      return { value: [...new Set(product?.variants.map(({ color }) => color))], tags };
    },
  });
  return findColor(value, asked);
}

/** A redirect to an address's right spelling keeps the query. */
function withQuery(response: Response, c: Context<AppEnv>): Response {
  const location = response.headers.get('Location');
  if (location !== null) response.headers.set('Location', location + new URL(c.req.url).search);
  return response;
}

/** Removes parameters that pages do not take, so that each list has few addresses. */
function listQueryOf(c: Context<AppEnv>) {
  const params = new URL(c.req.url).searchParams;
  for (const name of ['cursor', 'limit', 'category']) params.delete(name);
  return parseListQuery(params, 'page');
}

const idsPerPart = 2_000;

/** Serves the sitemap: an index of parts by product id, each part of bounded size. */
function sitemapPages(deps: Deps): Hono<AppEnv> {
  const { siteUrl } = deps.settings;
  const respond = (c: Context<AppEnv>, produce: (db: DbOrTx) => Promise<Fresh<SharedBody>>) =>
    respondShared(c, deps, { key: `page:${c.req.path}`, produce });
  return new Hono<AppEnv>()
    .get('/robots.txt', (c) => respond(c, async () => robots(siteUrl)))
    .get('/sitemap.xml', (c) => respond(c, (db) => sitemapIndex(db, siteUrl)))
    .get('/sitemaps/pages.xml', (c) => respond(c, (db) => pagesPart(db, siteUrl)))
    .get('/sitemaps/:part{[1-9][0-9]{0,5}\\.xml}', (c) => {
      const part = Number.parseInt(c.req.param('part'), 10);
      return respond(c, (db) => productsPart(db, siteUrl, part));
    });
}

function robots(siteUrl: string): Fresh<SharedBody> {
  const lines = ['/cart', '/checkout', '/orders/', '/account', '/api/', '/staff'].map(
    (path) => `Disallow: ${path}`,
  );
  const body = ['User-agent: *', ...lines, '', `Sitemap: ${siteUrl}/sitemap.xml`, ''].join('\n');
  return { value: { status: 200, contentType: 'text/plain; charset=utf-8', body }, tags: siteTags };
}

async function sitemapIndex(db: DbOrTx, siteUrl: string): Promise<Fresh<SharedBody>> {
  const tags = await readSetVersions(db, [catalogTag]);
  const { rows } = await sql<{ part: string }>`
    select distinct (id - 1) / ${sql.lit(idsPerPart)} + 1 as part from products where status = 'active' order by part`.execute(
    db,
  );
  const names = ['pages', ...rows.map((row) => row.part)];
  const entries = names.map(
    (name) => `<sitemap><loc>${escapeXml(`${siteUrl}/sitemaps/${name}.xml`)}</loc></sitemap>`,
  );
  return xml('sitemapindex', entries, tags);
}

async function pagesPart(db: DbOrTx, siteUrl: string): Promise<Fresh<SharedBody>> {
  const { value, tags } = await listCategories(db);
  const law = lawPages.map(({ path }) => path);
  const paths = ['/', '/search', ...law, ...value.map(({ slug }) => `/c/${encodeURIComponent(slug)}`)];
  return xml('urlset', paths.map(urlEntry(siteUrl)), tags);
}

/** @throws Refusal 404 for a part without products. */
async function productsPart(db: DbOrTx, siteUrl: string, part: number): Promise<Fresh<SharedBody>> {
  const tags = await readSetVersions(db, [catalogTag]);
  const rows = await db
    .selectFrom('products')
    .select('slug')
    .where('id', '>', String((part - 1) * idsPerPart))
    .where('id', '<=', String(part * idsPerPart))
    .where('status', '=', 'active')
    .orderBy('id')
    .execute();
  if (rows.length === 0) throw notFound('This part of the sitemap');
  const paths = rows.map(({ slug }) => `/p/${encodeURIComponent(slug)}`);
  return xml('urlset', paths.map(urlEntry(siteUrl)), tags);
}

function urlEntry(siteUrl: string): (path: string) => string {
  return (path) => `<url><loc>${escapeXml(siteUrl + path)}</loc></url>`;
}

function xml(root: string, entries: string[], tags: Record<string, number>): Fresh<SharedBody> {
  const body = `<?xml version="1.0" encoding="UTF-8"?>
<${root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
${entries.join('\n')}
</${root}>
`;
  return {
    value: { status: 200, contentType: 'application/xml; charset=utf-8', body },
    tags: { ...siteTags, ...tags },
  };
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
