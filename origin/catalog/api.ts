// The JSON API of the catalog. Its answers are the same for everyone, whatever the cookies.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Fresh } from '../cache/entry.ts';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { createApi, defineRoute, IfNoneMatchHeader, sharedAnswers, z } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { toProblem } from '../web/problem.ts';
import { respondShared, type SharedBody } from '../web/shared/shared-response.ts';
import { listCategories } from './categories.ts';
import { listProducts } from './list/list-products.ts';
import {
  defaultLimit,
  listKey,
  maxChosenValues,
  maxLimit,
  parseListQuery,
  sorts,
} from './list/list-query.ts';
import { CategorySchema, ProductListSchema, ProductSchema } from './product.ts';
import { readProduct, toProduct } from './read-product.ts';
import { isSlug } from './tags.ts';

const tags = ['catalog'];
const audience = 'everyone';
const Values = z.union([z.string(), z.array(z.string())]).optional();
const Label = { type: 'string' as const, maxLength: 100 };
/** For documentation only: lists are validated by `list-query.ts`, as the pages are. */
const labels = (description: string) => ({
  param: { style: 'form' as const, explode: true },
  type: 'array' as const,
  items: Label,
  maxItems: maxChosenValues,
  anyOf: undefined,
  description,
});
const amount = (description: string) => ({
  type: 'integer' as const,
  minimum: 0,
  maximum: 2_147_483_647,
  description,
  example: 2_000,
});

const listRoute = defineRoute({
  method: 'get',
  path: '/api/products',
  operationId: 'listProducts',
  tags,
  audience,
  refusals: ['bad-cursor'],
  summary: 'List or search products, with facets',
  request: {
    headers: IfNoneMatchHeader,
    query: z.object({
      q: z
        .string()
        .optional()
        .openapi({ description: 'Words; the last may be unfinished', maxLength: 200, example: 'navy tee' }),
      category: z
        .string()
        .optional()
        .openapi({ description: 'A slug; includes the categories below', example: 'tops' }),
      size: Values.openapi(labels('Labels, as `facets.sizes` tells them; any of them fits')),
      color: Values.openapi(labels('Labels, as `facets.colors` tells them; any of them fits')),
      min: z.string().optional().openapi(amount('Lowest price, minor units')),
      max: z.string().optional().openapi(amount('Highest price, minor units')),
      sort: z
        .string()
        .optional()
        .openapi({
          description: 'Default `relevance` where `q` is given, else `newest`',
          enum: [...sorts],
          example: 'price-asc',
        }),
      cursor: z
        .string()
        .max(200)
        .optional()
        .openapi({ description: '`nextCursor` of the part before, of a list with the same filter and sort' }),
      limit: z.string().optional().openapi({
        description: 'Most products of this part',
        type: 'integer',
        minimum: 1,
        maximum: maxLimit,
        default: defaultLimit,
      }),
    }),
  },
  responses: sharedAnswers('A part of the list', ProductListSchema),
});

const productRoute = defineRoute({
  method: 'get',
  path: '/api/products/{slug}',
  operationId: 'getProduct',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'One product with its variants',
  request: {
    headers: IfNoneMatchHeader,
    params: z.object({ slug: z.string().openapi({ example: 'plain-tee' }) }),
  },
  responses: sharedAnswers('The product', ProductSchema),
});

const categoriesRoute = defineRoute({
  method: 'get',
  path: '/api/categories',
  operationId: 'listCategories',
  tags,
  audience,
  summary: 'The categories, those above before those below',
  request: { headers: IfNoneMatchHeader },
  responses: sharedAnswers(
    'All categories',
    z
      .object({ items: z.array(CategorySchema) })
      .openapi('Categories', { example: { items: [{ slug: 'tops', name: 'Tops', productCount: 12 }] } }),
  ),
});

export function catalogApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
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
          const { value, ...fresh } = await readProduct(db, slug);
          return value === undefined
            ? asNotFound('This product', fresh.tags)
            : asJson({ value: toProduct(value), ...fresh });
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

function asJson({ value, tags, until }: Fresh<unknown>): Fresh<SharedBody> {
  return {
    value: { status: 200, contentType: 'application/json', body: JSON.stringify(value) },
    tags,
    until,
  };
}

function asNotFound(what: string, tags: Fresh<unknown>['tags']): Fresh<SharedBody> {
  const body = JSON.stringify(toProblem(notFound(what)));
  return { value: { status: 404, contentType: 'application/problem+json', body }, tags };
}

/** The schema fixes the body, but it was made and compressed beforehand, which the route's type cannot express. */
function shared(response: Response): never {
  return response as never;
}
