// The staff's pages by address; every change goes the way of the API.
import { type Context, Hono } from 'hono';
import { readVisitor, requireStaff } from '../account/visitor.ts';
import { listProducts } from '../catalog/list/list-products.ts';
import { parseListQuery } from '../catalog/list/list-query.ts';
import type { Product } from '../catalog/product.ts';
import { readProductById, toProduct } from '../catalog/read-product.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import type { PaymentProviders } from '../order/payment/providers.ts';
import { countUnclearPayments } from '../order/unclear-payments.ts';
import { idPattern } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { money } from '../web/money.ts';
import { type FormFaults, type FormValues, readForm, readIdempotencyKey } from '../web/page/form.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { patchProduct, putStock, type StaffAnswer } from './change-catalog.ts';
import { readInvalidation } from './invalidations.ts';
import { finderPage, fingerprintOfShown, productPage } from './pages.ts';
import { paymentPages } from './payment-pages.ts';
import { readChanges } from './read-changes.ts';

/** Most changes are everywhere by then, so that the page that follows can say so. */
const waitMs = 1_000;

export function staffPages(deps: Deps, providers: PaymentProviders): Hono<AppEnv> {
  const pages = new Hono<AppEnv>();
  const guard = async (c: Context<AppEnv>, next: () => Promise<void>) => {
    const { account } = await readVisitor(deps, c);
    if (account === undefined)
      return seeOther(
        `/sign-in?${new URLSearchParams({ next: c.req.method === 'GET' ? c.req.path : '/staff' })}`,
      );
    await requireStaff(deps, c);
    return next();
  };
  pages.use('/staff', guard);
  pages.use('/staff/*', guard);
  pages.route('/', paymentPages(deps, providers));

  pages.get('/staff', async (c) => {
    const query = parseListQuery(new URL(c.req.url).searchParams, 'page');
    const { value } = await listProducts(deps.db, { ...query, cursor: c.req.query('cursor') });
    const next = new URLSearchParams({ ...(query.q ? { q: query.q } : {}), cursor: value.nextCursor ?? '' });
    return respondPage(
      c,
      finderPage({
        visitor: await pageVisitor(deps, c),
        unclearPayments: await countUnclearPayments(deps.db),
        q: query.q,
        items: value.items,
        nextUrl: value.nextCursor === null ? undefined : `/staff?${next}`,
      }),
    );
  });

  pages.get('/staff/products/:id', async (c) => {
    const asked = c.req.query('invalidation');
    const invalidation = asked === undefined ? undefined : await readInvalidation(deps.db, asked);
    return showProduct(deps, c, { invalidation });
  });

  pages.post('/staff/products/:id', async (c) => {
    const id = c.req.param('id');
    const values = await readForm(c);
    try {
      if (values['change'] === 'details' && !detailFields.some((field) => isChanged(values, field)))
        return seeOther(`/staff/products/${id}`);
      const { invalidation } = await applyForm(deps, c, id, values);
      return seeOther(`/staff/products/${id}?invalidation=${invalidation.id}`);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 404) throw error;
      const faults = (error.details['fields'] as FormFaults | undefined) ?? { form: error.message };
      return showProduct(deps, c, { entered: values, faults }, error.status);
    }
  });
  return pages;
}

async function showProduct(
  deps: Deps,
  c: Context<AppEnv>,
  extra: Partial<Parameters<typeof productPage>[0]>,
  status = 200,
): Promise<Response> {
  const product = await productById(deps, c.req.param('id') ?? '');
  const subjects = [`product:${product.id}`, ...product.variants.map((variant) => `variant:${variant.id}`)];
  const [visitor, changes] = await Promise.all([pageVisitor(deps, c), readChanges(deps.db, subjects)]);
  return respondPage(c, productPage({ visitor, product, changes, ...extra }), { status });
}

async function productById(deps: Deps, id: string): Promise<Product> {
  const detail = idPattern.test(id) ? await readProductById(deps.db, id) : undefined;
  if (detail === undefined) throw notFound('This product');
  return toProduct(detail);
}

async function applyForm(
  deps: Deps,
  c: Context<AppEnv>,
  id: string,
  values: FormValues,
): Promise<StaffAnswer> {
  const account = await requireStaff(deps, c);
  const write = {
    accountId: account.id,
    path: c.req.path,
    waitMs,
    idempotencyKey: readIdempotencyKey(values),
  };
  if (values['change'] === 'stock') {
    const variantId = values['variant'] ?? '';
    const product = await productById(deps, id);
    if (!product.variants.some((variant) => variant.id === variantId)) throw notFound('This variant');
    return putStock(deps, write, variantId, readStock(variantId, values['stock'] ?? ''));
  }
  return patchProduct(deps, write, id, readPatch(values));
}

const detailFields = ['name', 'price', 'description'] as const;

function readStock(variantId: string, text: string): number {
  const stock = /^\d{1,8}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(stock <= 10_000_000)) throw wrongFields({ [variantId]: 'A whole number from 0 to 10,000,000' });
  return stock;
}

function readPatch(values: FormValues) {
  const name = (values['name'] ?? '').trim();
  const price = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec((values['price'] ?? '').trim());
  const description = withoutCarriageReturns(values['description'] ?? '');
  const changed = Object.fromEntries(detailFields.map((field) => [field, isChanged(values, field)]));
  const faults: FormFaults = {};
  if (name === '' || name.length > 200) faults['name'] = 'A name of 1 to 200 characters';
  if (price === null) faults['price'] = 'An amount such as 19.99';
  if (changed['description'] && description.length > 20_000)
    faults['description'] = 'At most 20,000 characters';
  if (Object.keys(faults).length > 0 || price === null) throw wrongFields(faults);
  const amount = Number(price[1]) * 100 + Number((price[2] ?? '').padEnd(2, '0'));
  return {
    ...(changed['name'] ? { name } : {}),
    ...(changed['price'] ? { price: money(amount) } : {}),
    ...(changed['description'] ? { description } : {}),
  };
}

/**
 * What stands as it was shown is not written: the price that is shown is the lowest of all sizes, and somebody else may have changed the rest
 * since. A form that does not say what it was shown changes everything.
 */
function isChanged(values: FormValues, field: (typeof detailFields)[number]): boolean {
  return fingerprintOfShown(withoutCarriageReturns(values[field] ?? '')) !== values[`shown-${field}`];
}

/** Browsers send line breaks as CRLF; descriptions keep them as LF. */
function withoutCarriageReturns(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

function wrongFields(fields: FormFaults): Refusal {
  return new Refusal(422, 'invalid-body', 'Some fields cannot be saved as they are', { details: { fields } });
}

async function pageVisitor(deps: Deps, c: Context<AppEnv>) {
  const { account } = await readVisitor(deps, c);
  return { name: account?.name };
}
