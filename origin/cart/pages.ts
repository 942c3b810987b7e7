// The bag's page and its form posts. A change answers 303; a refused change shows the page again with the reason.
import { type Context, Hono } from 'hono';
import { pathTo, readTree } from '../catalog/categories.ts';
import type { ProductDetail } from '../catalog/product.ts';
import { readProduct } from '../catalog/read-product.ts';
import { readVariants, type VariantInfo } from '../catalog/read-variants.ts';
import { isId, isSlug } from '../catalog/tags.ts';
import { productPage } from '../catalog/views/product.ts';
import { describeCheapest, formatDates, promiseDelivery } from '../checkout/delivery-dates.ts';
import { listChoices, readKnownHolidays, readKnownShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame } from '../identity/page-frame.ts';
import { fingerprintOf } from '../web/api/idempotency.ts';
import type { AppEnv } from '../web/env.ts';
import { type FormValues, readForm, readIdempotencyKey, titleOf } from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { cartRequestOf } from './api.ts';
import type { Cart } from './cart.ts';
import type { CartOperation, Carts } from './carts.ts';
import { type CartPage, cartPage, type RemovedLine } from './views/cart.ts';

export function cartPages(deps: Deps, carts: Carts): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/cart', (c) => showCart(deps, carts, c))
    .post('/cart', async (c) => {
      const values = await readForm(c);
      try {
        const operation = await readOperation(deps, values);
        const { setCookies } = await carts.write(await cartRequestOf(deps, c), operation);
        return seeOther(afterChange(operation, values), setCookies);
      } catch (error) {
        if (!(error instanceof Refusal) || error.status >= 500) throw error;
        return (await showProduct(deps, c, values, error)) ?? showCart(deps, carts, c, { error, values });
      }
    });
}

/** @throws Refusal 422 where the form names no variant or no quantity. */
async function readOperation(deps: Deps, values: FormValues): Promise<CartOperation> {
  const kind = values['kind'] === 'set' ? 'set' : 'add';
  const variantId = await readChosenVariant(deps, values);
  const quantity = readQuantity(values['quantity'] ?? '1', kind);
  return {
    opId: readIdempotencyKey(values),
    kind,
    variantId,
    quantity,
    fingerprint: fingerprintOf({ method: 'POST', path: '/cart', body: { kind, variantId, quantity } }),
  };
}

function readQuantity(text: string, kind: 'add' | 'set'): number {
  const quantity = /^\d{1,3}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (quantity >= (kind === 'set' ? 0 : 1) && quantity <= 99) return quantity;
  throw new Refusal(422, 'invalid-quantity', 'Please choose 1 to 99 pieces');
}

/** The fragment puts the focus back where it was: into the quantity, or to the place of the removed line. */
function afterChange({ kind, variantId, quantity }: CartOperation, { was, at }: FormValues): string {
  if (kind === 'add') return '/cart';
  if (quantity > 0) return `/cart#q-${variantId}`;
  const removed = new URLSearchParams({ removed: variantId, was: was ?? '1', at: at ?? '0' });
  return `/cart?${removed}#removed`;
}

/** Reads the removed line from the address. @returns undefined where its variant is in the bag again */
async function readRemoved(deps: Deps, c: Context<AppEnv>, cart: Cart): Promise<RemovedLine | undefined> {
  const { removed: variantId = '', was = '', at = '' } = c.req.query();
  const isThere = cart.lines.some((line) => line.variantId === variantId);
  if (!isId(variantId) || isThere || !/^[1-9]\d?$/.test(was) || !/^\d{1,3}$/.test(at)) return undefined;
  const variant = (await readPictures(deps, [variantId])).get(variantId);
  return { variantId, quantity: Number(was), at: Number(at), variant };
}

/**
 * Describes delivery to the shop's own country. @returns undefined where it cannot be read, which must not fail the
 * page
 */
async function describeDelivery(
  deps: Deps,
  { total }: Cart,
): Promise<{ price: string; arrives: string } | undefined> {
  const { shopCountry } = deps.settings;
  const table = await readKnownShippingTable(deps).catch(() => []);
  const choices = listChoices(table, shopCountry, total.amount);
  const price = describeCheapest(choices.map(({ amount }) => amount));
  if (price === undefined) return undefined;
  const context = { nowMs: deps.now(), shopCountry, holidays: await readKnownHolidays(deps) };
  const dates = promiseDelivery(choices[0]!.days, context);
  return { price, arrives: formatDates(dates) };
}

interface Refused {
  error: Refusal;
  values: FormValues;
}

async function showCart(deps: Deps, carts: Carts, c: Context<AppEnv>, refused?: Refused): Promise<Response> {
  const { cart, setCookies } = await carts.view(await cartRequestOf(deps, c));
  const [variants, frame, removed, delivery] = await Promise.all([
    readPictures(
      deps,
      cart.lines.map((line) => line.variantId),
    ),
    readFrame(deps, c, cart.count),
    refused ? undefined : readRemoved(deps, c, cart),
    describeDelivery(deps, cart),
  ]);
  const content = cartPage({ cart, variants, removed, delivery, ...describeRefused(refused) });
  const title = titleOf('Your bag', refused !== undefined);
  return respondPage(c, layout({ title, ...frame }, content), {
    status: refused?.error.status ?? 200,
    setCookies,
  });
}

function describeRefused(refused: Refused | undefined): Pick<CartPage, 'refused' | 'entered'> {
  if (refused === undefined) return {};
  const { error, values } = refused;
  if (error.code === 'idempotency-key-reused')
    return { refused: 'This form was sent before with another quantity. This is your bag as it is now.' };
  const { variantId = '', quantity = '' } = values;
  if (error.code === 'invalid-quantity' && values['kind'] === 'set')
    return { refused: `${error.message}.`, entered: { variantId, quantity, fault: `${error.message}.` } };
  return { refused: tellRefusal(error) };
}

/** The API's messages say "variants", and a page says "pieces". */
function tellRefusal({ code, message }: Refusal): string {
  if (code === 'not-found') return 'This piece is no longer sold.';
  if (code === 'out-of-stock') return 'This piece is sold out.';
  return `${message}.`;
}

/** Reads the pictures of variants. A failure is logged, and the page appears without them. */
export async function readPictures(
  deps: Pick<Deps, 'cache' | 'log'>,
  variantIds: string[],
): Promise<Map<string, VariantInfo>> {
  return readVariants(deps, variantIds).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'pictures left out of a page');
    return new Map();
  });
}

/** Shows the product's page again with the shopper's choice. @returns undefined where the form did not come from one */
async function showProduct(
  deps: Deps,
  c: Context<AppEnv>,
  values: FormValues,
  refusal: Refusal,
): Promise<Response | undefined> {
  const slug = values['product'];
  if (slug === undefined) return undefined;
  const product = await readProductOfForm(deps, slug);
  if (product === undefined) return undefined;
  const [frame, tree] = await Promise.all([readFrame(deps, c), readTree(deps)]);
  const path = pathTo(tree, product.category);
  const chosen = { variantId: values['variantId'], color: values['color'], quantity: values['quantity'] };
  const { paymentProviders } = deps.settings;
  const refused = { reason: tellRefusal(refusal), chosen };
  const content = productPage({ product, path, paymentProviders, refused });
  return respondPage(c, layout({ title: product.name, ...frame }, content), { status: refusal.status });
}

/** @throws Refusal 422 `choose-size` */
async function readChosenVariant(deps: Pick<Deps, 'cache'>, values: FormValues): Promise<string> {
  const { variantId = '', color } = values;
  if (variantId === '') throw new Refusal(422, 'choose-size', 'Please choose a size');
  if (color === undefined) return variantId;
  const chosen = (await readVariants(deps, [variantId])).get(variantId);
  if (chosen === undefined || chosen.color === color) return variantId;
  const product = await readProductOfForm(deps, chosen.productSlug);
  const meant = product?.variants.find((variant) => variant.color === color && variant.size === chosen.size);
  if (meant !== undefined) return meant.id;
  throw new Refusal(422, 'choose-size', `Please choose a size in ${color}`);
}

/** Reads the product that a form came from. @returns undefined where the slug names no product */
async function readProductOfForm(
  deps: Pick<Deps, 'cache'>,
  slug: string,
): Promise<ProductDetail | undefined> {
  if (!isSlug(slug)) return undefined;
  const { value } = await deps.cache.read<ProductDetail | null>({
    key: `product-of-form:2:${slug}`,
    fill: async (db) => {
      const { value: product, ...fresh } = await readProduct(db, slug);
      return { value: product ?? null, ...fresh };
    },
  });
  return value ?? undefined;
}
