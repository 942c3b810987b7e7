// The catalog's JSON API and its drawn pictures: the same for everyone, whatever the cookies.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Fresh } from '../cache/entry.ts';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { createApi, createRoute, jsonAnswer, problemAnswer, z } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { toProblem } from '../web/problem.ts';
import { respondShared, type SharedBody } from '../web/shared/shared-response.ts';
import { listProducts } from './list/list-products.ts';
import { listKey, maxLimit, parseListQuery, sorts } from './list/list-query.ts';
import { listCategories } from './list-categories.ts';
import { pictureRoute } from './picture-route.ts';
import { CategorySchema, ProductListSchema, ProductSchema } from './product.ts';
import { readProduct, toProduct } from './read-product.ts';
import { isSlug } from './tags.ts';

const tags = ['catalog'];
const Values = z.union([z.string(), z.array(z.string())]).optional();

const listRoute = createRoute({
  method: 'get',
  path: '/api/products',
  tags,
  summary: 'List or search products, with facets',
  request: {
    query: z.object({
      q: z.string().optional().openapi({ description: 'Words; the last may be unfinished' }),
      category: z.string().optional().openapi({ description: 'A slug; includes the categories below' }),
      size: Values.openapi({ description: 'A label; may be repeated' }),
      color: Values.openapi({ description: 'A label; may be repeated' }),
      min: z.string().optional().openapi({ description: 'Lowest price, minor units' }),
      max: z.string().optional().openapi({ description: 'Highest price, minor units' }),
      sort: z
        .string()
        .optional()
        // Only told here: the query is judged by what pages judge theirs by.
        .openapi({ description: `One of ${sorts.join(', ')}`, enum: [...sorts] }),
      cursor: z.string().max(200).optional().openapi({ description: '`nextCursor` of the part before' }),
      limit: z
        .string()
        .optional()
        .openapi({ description: `1 to ${maxLimit}, default 24` }),
    }),
  },
  responses: {
    200: jsonAnswer('A part of the list', ProductListSchema),
    default: problemAnswer,
  },
});

const productRoute = createRoute({
  method: 'get',
  path: '/api/products/{slug}',
  tags,
  summary: 'One product with its variants',
  request: { params: z.object({ slug: z.string() }) },
  responses: { 200: jsonAnswer('The product', ProductSchema), default: problemAnswer },
});

const categoriesRoute = createRoute({
  method: 'get',
  path: '/api/categories',
  tags,
  summary: 'The categories, those above before those below',
  responses: {
    200: jsonAnswer(
      'All categories',
      z.strictObject({ items: z.array(CategorySchema) }).openapi('Categories'),
    ),
    default: problemAnswer,
  },
});

export function catalogRoutes(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.route('/', pictureRoute());
  api.openapi(listRoute, async (c): Promise<never> => {
    const query = parseListQuery(new URL(c.req.url).searchParams, 'api');
    return shared(
      await respondShared(c, deps, {
        key: `api-list:${listKey(query)}`,
        produce: async (db) => asJson(await listProducts(db, query)),
      }),
    );
  });
  api.openapi(productRoute, async (c): Promise<never> => {
    const { slug } = c.req.valid('param');
    if (!isSlug(slug)) throw notFound('This product');
    return shared(
      await respondShared(c, deps, {
        key: `api-product:${slug}`,
        produce: async (db) => {
          const { value, tags } = await readProduct(db, slug);
          return value === undefined
            ? asNotFound('This product', tags)
            : asJson({ value: toProduct(value), tags });
        },
      }),
    );
  });
  api.openapi(
    categoriesRoute,
    async (c): Promise<never> =>
      shared(
        await respondShared(c, deps, {
          key: 'api-categories',
          produce: async (db) => {
            const { value, tags } = await listCategories(db);
            const items = value.map(({ slug, name, productCount }) => ({ slug, name, productCount }));
            return asJson({ value: { items }, tags });
          },
        }),
      ),
  );
  return api;
}

function asJson(fresh: Fresh<unknown>): Fresh<SharedBody> {
  return {
    value: { status: 200, contentType: 'application/json', body: JSON.stringify(fresh.value) },
    tags: fresh.tags,
  };
}

function asNotFound(what: string, tags: Fresh<unknown>['tags']): Fresh<SharedBody> {
  const body = JSON.stringify(toProblem(notFound(what)));
  return { value: { status: 404, contentType: 'application/problem+json', body }, tags };
}

/** The body is what the schema says, but made and compressed beforehand, which the route's type cannot know. */
function shared(response: Response): never {
  return response as never;
}
