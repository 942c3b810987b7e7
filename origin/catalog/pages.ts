// The catalog's pages. They are the same for everyone, and cached until what they show changes.
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import type { DbOrTx } from '../schema.ts';
import type { AppEnv } from '../web/env.ts';
import { respondShared } from '../web/shared/shared-response.ts';
import { listKey, parseListQuery } from './list/list-query.ts';
import { readProduct } from './read-product.ts';
import { sitemapPages } from './sitemap-pages.ts';
import { isSlug } from './tags.ts';
import { findColor } from './views/colors.ts';
import { categoryDocument, homeDocument, productDocument, searchDocument } from './views/documents.ts';

export function catalogPages(deps: Deps): Hono<AppEnv> {
  const site = { url: deps.settings.siteUrl, paymentProviders: deps.settings.paymentProviders };
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
      // A colour that is unknown today may be one tomorrow.
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

/** Only colours that a product has make further pages of it. @returns undefined for any other */
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

/** What was chosen goes along to the right spelling of an address. */
function withQuery(response: Response, c: Context<AppEnv>): Response {
  const location = response.headers.get('Location');
  if (location !== null) response.headers.set('Location', location + new URL(c.req.url).search);
  return response;
}

/** Pages are numbered and of one length, so that few addresses name many lists. */
function listQueryOf(c: Context<AppEnv>) {
  const params = new URL(c.req.url).searchParams;
  for (const name of ['cursor', 'limit', 'category']) params.delete(name);
  return parseListQuery(params, 'page');
}
