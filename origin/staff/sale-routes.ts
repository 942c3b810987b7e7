// Defines the JSON API and the forms by which staff plan and end sales.
// Change, audit row and invalidation are one transaction.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type Context, Hono } from 'hono';
import {
  changeSale,
  exampleSale,
  listSales,
  planSale,
  type Sale,
  type SaleChange,
  type SalePatch,
  SalePatchSchema,
  SaleSchema,
  type SaleToWrite,
  SaleToWriteSchema,
  stopSale,
} from '../catalog/change/sales.ts';
import type { Deps } from '../deps.ts';
import { findOrRefuse, Refusal } from '../errors.ts';
import { requireStaff } from '../identity/visitor.ts';
import {
  awaitInvalidation,
  beginInvalidation,
  exampleInvalidation,
  type Invalidation,
  InvalidationSchema,
  readPreferredWait,
} from '../invalidation/invalidations.ts';
import type { Tx } from '../schema.ts';
import { createApi, defineRoute, Id, IdempotencyKeyHeader, jsonAnswer, jsonBody, z } from '../web/api/api.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultsOf,
  faultsOfRefusal,
  readForm,
  readIdempotencyKey,
  toCents,
  toTime,
} from '../web/page/form.ts';
import { seeOther } from '../web/page/page-response.ts';
import { audit } from './change-catalog.ts';

const tags = ['staff'];
const audience = 'staff';
const ProductParameter = z.object({ id: Id });
const SaleParameters = z.object({ id: Id, sale: Id });
const Headers = IdempotencyKeyHeader.extend({
  prefer: z.string().optional().openapi({
    description: '`wait=5`: answer when the change is everywhere, or after 5 s, the longest that is waited',
    example: 'wait=5',
  }),
});
const changed = z
  .object({ sale: SaleSchema, invalidation: InvalidationSchema })
  .openapi('SaleChange', { example: { sale: exampleSale, invalidation: exampleInvalidation } });

const listRoute = defineRoute({
  method: 'get',
  path: '/api/staff/products/{id}/sales',
  operationId: 'listSales',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'The sales of a product, the latest first',
  request: { params: ProductParameter },
  responses: {
    200: jsonAnswer('At most 50', z.object({ items: z.array(SaleSchema) }).openapi('SaleList')),
  },
});

const planRoute = defineRoute({
  method: 'post',
  path: '/api/staff/products/{id}/sales',
  operationId: 'planSale',
  tags,
  audience,
  refusals: ['not-found', 'sale-overlaps'],
  summary: 'Plan a sale: a lower price with a start and an end',
  description:
    'At its start and its end the price changes everywhere at once: pages, lists, carts, feed. `was` is the lowest price of the 30 days before the start, and is shown only where that was higher. A price that is set by hand while it runs ends it.',
  request: { params: ProductParameter, headers: Headers, body: jsonBody(SaleToWriteSchema) },
  responses: {
    201: jsonAnswer('The sale, and how far its invalidation has come', changed, [
      'Location',
      'Preference-Applied',
    ]),
  },
});

const getRoute = defineRoute({
  method: 'get',
  path: '/api/staff/products/{id}/sales/{sale}',
  operationId: 'getSale',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'A sale of a product',
  request: { params: SaleParameters },
  responses: { 200: jsonAnswer('The sale', SaleSchema) },
});

const changeRoute = defineRoute({
  method: 'patch',
  path: '/api/staff/products/{id}/sales/{sale}',
  operationId: 'changeSale',
  tags,
  audience,
  refusals: ['not-found', 'sale-over', 'sale-overlaps'],
  summary: 'Move the end of a sale, or change one that is planned',
  description: 'What is absent stays. Of a running sale only the end can change.',
  request: { params: SaleParameters, headers: Headers, body: jsonBody(SalePatchSchema) },
  responses: { 200: jsonAnswer('The sale as it now is', changed, ['Preference-Applied']) },
});

const stopRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/products/{id}/sales/{sale}',
  operationId: 'stopSale',
  tags,
  audience,
  refusals: ['not-found', 'sale-over'],
  summary: 'End a running sale now, or cancel a planned one',
  request: { params: SaleParameters, headers: Headers },
  responses: { 200: jsonAnswer('The sale as it now is', changed, ['Preference-Applied']) },
});

/** Mount this behind the guard of the staff's API. */
export function salesApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const writeOf = async (c: Context<AppEnv>, headers: z.infer<typeof Headers>): Promise<SaleWrite> => {
    const wait = readPreferredWait(headers.prefer);
    if (wait !== undefined) c.header('Preference-Applied', `wait=${wait}`);
    const { id, scope } = await requireStaff(deps, c);
    return {
      accountId: id,
      scope,
      key: headers['idempotency-key'],
      path: c.req.path,
      waitMs: (wait ?? 0) * 1_000,
    };
  };
  api.openapi(listRoute, async (c) =>
    c.json({ items: await listSales(deps.db, c.req.valid('param').id) }, 200),
  );
  api.openapi(planRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    const made = await writeSale(deps, write, c.req.valid('param').id, { plan: c.req.valid('json') });
    c.header('Location', `${c.req.path}/${made.sale.id}`);
    return c.json(made, 201);
  });
  api.openapi(getRoute, async (c) => {
    const { id, sale } = c.req.valid('param');
    return c.json(findOrRefuse(await listSales(deps.db, id), sale, 'This sale'), 200);
  });
  api.openapi(changeRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    const { id, sale } = c.req.valid('param');
    return c.json(await writeSale(deps, write, id, { change: sale, patch: c.req.valid('json') }), 200);
  });
  api.openapi(stopRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    const { id, sale } = c.req.valid('param');
    return c.json(await writeSale(deps, write, id, { stop: sale }), 200);
  });
  return api;
}

interface SaleWrite {
  /** Null for a program. */
  accountId: string | null;
  scope: string;
  key: string | undefined;
  path: string;
  waitMs: number;
}

type SaleDeed = { plan: SaleToWrite } | { change: string; patch: SalePatch } | { stop: string };

function performSaleDeed(
  tx: Tx,
  productId: string,
  { deed, nowMs }: { deed: SaleDeed; nowMs: number },
): Promise<SaleChange & { before?: Sale }> {
  if ('plan' in deed) return planSale(tx, productId, { sale: deed.plan, nowMs });
  if ('change' in deed) return changeSale(tx, productId, { saleId: deed.change, patch: deed.patch, nowMs });
  return stopSale(tx, productId, { saleId: deed.stop, nowMs });
}

async function writeSale(
  deps: Deps,
  { accountId, waitMs, ...write }: SaleWrite,
  productId: string,
  deed: SaleDeed,
): Promise<{ sale: Sale; invalidation: Invalidation }> {
  const method = 'plan' in deed ? 'POST' : 'change' in deed ? 'PATCH' : 'DELETE';
  const cause = { what: `${method} ${write.path}`, at: new Date(deps.now()) };
  const { sale, invalidationId } = await writeOnce(deps.db, { ...write, method, body: deed }, async (tx) => {
    const made = await performSaleDeed(tx, productId, { deed, nowMs: deps.now() });
    const id = await beginInvalidation(tx, made.tags, cause);
    await audit(
      tx,
      accountId,
      [{ subject: `product:${productId}`, before: made.before ?? null, after: made.sale }],
      id,
    );
    return { sale: made.sale, invalidationId: id };
  });
  deps.wakeWorker();
  return { sale, invalidation: await awaitInvalidation(deps.db, invalidationId, waitMs) };
}

/** The input and faults of a refused form, which the page shows again. */
export interface RefusedSale {
  values: FormValues;
  faults?: FormFaults;
  refused?: string;
}

/** Most changes have reached every cache by then. */
const waitMs = 1_000;

/** Mount this behind the guard of the staff's pages. @param show renders the product's page with the refused input */
export function salePages(
  deps: Deps,
  show: (c: Context<AppEnv>, refused: RefusedSale, status: number) => Promise<Response>,
): Hono<AppEnv> {
  return new Hono<AppEnv>().post('/staff/products/:id/sales', async (c) => {
    const values = await readForm(c);
    const { id: accountId, scope } = await requireStaff(deps, c);
    const write = { accountId, scope, key: readIdempotencyKey(values), path: c.req.path, waitMs };
    const productId = c.req.param('id');
    const read = readDeed(values);
    if (read.deed === undefined) return show(c, { values, ...read }, 422);
    try {
      const { invalidation } = await writeSale(deps, write, productId, read.deed);
      return seeOther(`/staff/products/${productId}?invalidation=${invalidation.id}`);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 404) throw error;
      return show(c, { values, ...tellRefused(values, error) }, error.status);
    }
  });
}

/** Reads which of the section's forms was sent. */
function readDeed(values: FormValues): { deed?: SaleDeed; faults?: FormFaults; refused?: string } {
  const { stop, change } = values;
  if (stop !== undefined) return { deed: { stop } };
  const asked = readSaleForm(values);
  if (change !== undefined) {
    const parsed = SalePatchSchema.safeParse({ endsAt: asked.endsAt ?? null });
    return parsed.success
      ? { deed: { change, patch: parsed.data } }
      : { refused: 'The end of a sale is a day and a time such as 2027-01-07 00:00.' };
  }
  const parsed = SaleToWriteSchema.safeParse(asked);
  return parsed.success
    ? { deed: { plan: parsed.data } }
    : { faults: ofForm(faultsOf(parsed.error, formNamed(values))) };
}

function tellRefused(values: FormValues, refusal: Refusal): Omit<RefusedSale, 'values'> {
  const faults = faultsOfRefusal(refusal);
  if (faults === undefined) return { refused: `${refusal.message}.` };
  if (values['change'] !== undefined) return { refused: `The end of the sale: ${faults['endsAt']}` };
  return { faults: ofForm(faults) };
}

/** The form has another name for the sale's price, because the page also has the product's price. */
const formNamed = (values: FormValues): FormValues => ({ ...values, amount: values['salePrice'] ?? '' });

function ofForm({ amount, price, ...faults }: FormFaults): FormFaults {
  const salePrice = amount === undefined ? price : 'An amount such as 14.99.';
  return salePrice === undefined ? faults : { ...faults, salePrice };
}

/** Builds the body of an API request. */
function readSaleForm(values: FormValues) {
  const time = (name: string) => {
    const text = (values[name] ?? '').trim();
    return text === '' ? undefined : toTime(text);
  };
  return {
    price: { amount: toCents((values['salePrice'] ?? '').trim()), currency: 'EUR' },
    startsAt: time('startsAt'),
    endsAt: time('endsAt'),
  };
}
