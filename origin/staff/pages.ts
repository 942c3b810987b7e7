// The staff pages and their forms. Every change uses the same functions as the API.
import { type Context, Hono } from 'hono';
import type { ProductPatch } from '../catalog/change/change-product.ts';
import { listPrices, listSales } from '../catalog/change/sales.ts';
import { listProducts } from '../catalog/list/list-products.ts';
import { parseListQuery } from '../catalog/list/list-query.ts';
import type { Product } from '../catalog/product.ts';
import { allFacts, type FactsPatch, longestFact } from '../catalog/product-facts.ts';
import { readProductById, toProduct } from '../catalog/read-product.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { respondSignedOut, wasSignedIn } from '../identity/page-frame.ts';
import { readVisitor, requireStaff } from '../identity/visitor.ts';
import { readInvalidation } from '../invalidation/invalidations.ts';
import { countUnclearPayments } from '../order/payment/disputed-and-unclear.ts';
import type { PaymentProviders } from '../order/payment/providers.ts';
import { idPattern } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { money } from '../web/money.ts';
import { type FormFaults, type FormValues, readForm, readIdempotencyKey } from '../web/page/form.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readChanges, saveProductForm } from './change-catalog.ts';
import { deliveryPages } from './delivery-pages.ts';
import { mailPages } from './mail-previews.ts';
import { membersPages } from './members-pages.ts';
import { staffOrderPages } from './order-pages.ts';
import { paymentPages } from './payment-pages.ts';
import { promotionPages } from './promotion-pages.ts';
import { reportPages } from './report-pages.ts';
import { salePages } from './sale-routes.ts';
import { factField, finderPage, fingerprintOfShown, productPage, stockField } from './views/products.ts';

/** Shopify allows at most 2,048 variants a product. */
const maxFields = 2_100;
/** Most changes have reached every cache by then, so that the next page can say so. */
const waitMs = 1_000;

export function staffPages(deps: Deps, providers: PaymentProviders): Hono<AppEnv> {
  const pages = new Hono<AppEnv>();
  const guard = async (c: Context<AppEnv>, next: () => Promise<void>) => {
    const visitor = await readVisitor(deps, c);
    if (visitor.account === undefined) {
      const isForm = c.req.method === 'POST';
      const values = isForm ? await readForm(c, maxFields) : {};
      if (isForm && wasSignedIn(visitor, values)) return respondSignedOut(deps, c, values);
      return seeOther(`/sign-in?${new URLSearchParams({ next: isForm ? '/staff' : c.req.path })}`);
    }
    await requireStaff(deps, c);
    return next();
  };
  pages.use('/staff', guard);
  pages.use('/staff/*', guard);
  pages.route('/', paymentPages(deps, providers));
  pages.route('/', promotionPages(deps));
  pages.route('/', deliveryPages(deps));
  pages.route('/', mailPages(deps));
  pages.route('/', staffOrderPages(deps, providers));
  pages.route('/', membersPages(deps));
  pages.route('/', reportPages(deps));
  pages.route(
    '/',
    salePages(deps, (c, sale, status) => showProduct(deps, c, { sale }, status)),
  );

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
    const values = await readForm(c, maxFields);
    // A page of the previous release had one form for each row.
    if (values['change'] === 'stock') values[stockField(values['variant'] ?? '')] = values['stock'] ?? '';
    try {
      const staff = await requireStaff(deps, c);
      const form = readProductForm(values, await productById(deps, id));
      if (Object.keys(form.patch).length + Object.keys(form.stocks).length === 0)
        return seeOther(`/staff/products/${id}`);
      const write = {
        accountId: staff.id,
        scope: staff.scope,
        path: c.req.path,
        waitMs,
        idempotencyKey: readIdempotencyKey(values),
      };
      const { invalidation } = await saveProductForm(deps, write, id, form);
      return seeOther(`/staff/products/${id}?invalidation=${invalidation.id}`);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 404) throw error;
      const fields = error.details['fields'] as FormFaults | undefined;
      const wrong = fields === undefined ? { refused: `${error.message}.` } : { faults: fields };
      return showProduct(deps, c, { entered: values, ...wrong }, error.status);
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
  const [visitor, changes, sales, prices] = await Promise.all([
    pageVisitor(deps, c),
    readChanges(deps.db, subjects),
    listSales(deps.db, product.id),
    listPrices(deps.db, product.id),
  ]);
  return respondPage(c, productPage({ visitor, product, changes, sales, prices, ...extra }), { status });
}

async function productById(deps: Deps, id: string): Promise<Product> {
  const detail = idPattern.test(id) ? await readProductById(deps.db, id) : undefined;
  if (detail === undefined) throw notFound('This product');
  return toProduct(detail);
}

interface ProductForm {
  patch: ProductPatch;
  /** Stock by variant. */
  stocks: Record<string, number>;
}

/**
 * Reads only fields that differ from what the form showed. The shown price is the lowest of all sizes, and somebody
 * may have changed other fields since. A form without the shown values counts as changed in every field.
 * @throws Refusal 422 with the fields that cannot be saved
 */
function readProductForm(values: FormValues, product: Product): ProductForm {
  const faults: FormFaults = {};
  const form: ProductForm = { patch: readPatch(values, faults), stocks: readStocks(values, product, faults) };
  if (Object.keys(faults).length === 0) return form;
  throw new Refusal(422, 'invalid-body', 'Some fields cannot be saved as they are', {
    details: { fields: faults },
  });
}

function readPatch(values: FormValues, faults: FormFaults): ProductPatch {
  const patch: ProductPatch = {};
  if (isChanged(values, 'name')) {
    const name = values['name']!.trim();
    if (name === '' || name.length > 255) faults['name'] = 'A name of 1 to 255 characters.';
    patch.name = name;
  }
  if (isChanged(values, 'price')) {
    const [, whole, cents = ''] = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(values['price']!.trim()) ?? [];
    if (whole === undefined) faults['price'] = 'An amount such as 19.99.';
    patch.price = money(Number(whole) * 100 + Number(cents.padEnd(2, '0')));
    if (values['sale'] === 'yes') patch.sale = true;
  }
  if (isChanged(values, 'description')) {
    patch.description = withoutCarriageReturns(values['description']!);
    if (patch.description.length > 20_000) faults['description'] = 'At most 20,000 characters.';
  }
  const facts = readFacts(values, faults);
  if (facts !== undefined) patch.facts = facts;
  return patch;
}

/** Reads the product's legal facts. An emptied field removes its fact. */
function readFacts(values: FormValues, faults: FormFaults): FactsPatch | undefined {
  const facts: FactsPatch = {};
  for (const name of allFacts) {
    const field = factField(name);
    if (!isChanged(values, field)) continue;
    const fact = withoutCarriageReturns(values[field]!).trim();
    if (fact.length > longestFact) faults[field] = 'At most 2,000 characters.';
    const isEmail = name === 'manufacturerEmail' || name === 'responsibleEmail';
    if (isEmail && fact !== '' && !/^[^\s@]+@[^\s@]+$/.test(fact))
      faults[field] = 'An e-mail address such as name@example.com.';
    facts[name] = fact;
  }
  return Object.keys(facts).length === 0 ? undefined : facts;
}

function readStocks(values: FormValues, product: Product, faults: FormFaults): Record<string, number> {
  const shown = new Map(
    (values['shown-stocks'] ?? '').split(' ').map((pair) => pair.split(':', 2) as [string, string]),
  );
  const stocks: Record<string, number> = {};
  for (const { id } of product.variants) {
    const text = values[stockField(id)]?.trim();
    if (text === undefined || text === shown.get(id)) continue;
    const stock = /^\d{1,8}$/.test(text) ? Number(text) : Number.NaN;
    if (!(stock <= 10_000_000)) faults[stockField(id)] = 'A whole number from 0 to 10,000,000.';
    stocks[id] = stock;
  }
  return stocks;
}

function isChanged(values: FormValues, field: string): boolean {
  const entered = values[field];
  if (entered === undefined) return false;
  return fingerprintOfShown(withoutCarriageReturns(entered)) !== values[`shown-${field}`];
}

/** Browsers send line breaks as CRLF, and descriptions are stored with LF. */
function withoutCarriageReturns(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

async function pageVisitor(deps: Deps, c: Context<AppEnv>) {
  const { account } = await readVisitor(deps, c);
  return { name: account?.name };
}
