// The bag's page. Every change of it is posted here and answers 303; what is refused is shown where it was entered.
import { type Context, Hono } from 'hono';
import { readFrame } from '../../account/pages/frame.ts';
import { pathTo, readTree } from '../../catalog/pages/navigation.ts';
import { productPage } from '../../catalog/pages/product.ts';
import { readVariants, type VariantInfo } from '../../catalog/read-variants.ts';
import type { Deps } from '../../deps.ts';
import { Refusal } from '../../errors.ts';
import { fingerprintOf } from '../../web/api/idempotency.ts';
import type { AppEnv } from '../../web/env.ts';
import { type FormValues, readForm, readIdempotencyKey } from '../../web/page/form.ts';
import { layout } from '../../web/page/layout.ts';
import { respondPage, seeOther } from '../../web/page/page-response.ts';
import type { CartOperation, Carts } from '../carts.ts';
import { visitOf } from '../routes.ts';
import { cartPage } from './cart.ts';
import { readChosenVariant, readProductOfForm } from './chosen-variant.ts';

export function cartPages(deps: Deps, carts: Carts): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/cart', (c) => showCart(deps, carts, c))
    .post('/cart', async (c) => {
      const values = await readForm(c);
      try {
        const operation = await readOperation(deps, values);
        const { setCookies } = await carts.write(await visitOf(deps, c), operation);
        return seeOther('/cart', setCookies);
      } catch (error) {
        if (!(error instanceof Refusal) || error.status >= 500) throw error;
        return (await showProduct(deps, c, values, error)) ?? showCart(deps, carts, c, error);
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

async function showCart(deps: Deps, carts: Carts, c: Context<AppEnv>, refusal?: Refusal): Promise<Response> {
  const { cart, setCookies } = await carts.view(await visitOf(deps, c));
  const variants = await readPictures(
    deps,
    cart.lines.map((line) => line.variantId),
  );
  const frame = await readFrame(deps, c, cart.count);
  const content = cartPage({ cart, variants, refused: refusal && `${refusal.message}.` });
  return respondPage(c, layout({ title: 'Your bag', ...frame }, content), {
    status: refusal?.status ?? 200,
    setCookies,
  });
}

/** Pictures are not worth a failure. */
export async function readPictures(
  deps: Pick<Deps, 'cache' | 'log'>,
  variantIds: string[],
): Promise<Map<string, VariantInfo>> {
  return readVariants(deps, variantIds).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'pictures left out of a page');
    return new Map();
  });
}

/** The product's page again, with what was chosen. @returns undefined where the form did not come from one. */
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
  const content = productPage({ product, path, refused: { reason: `${refusal.message}.`, chosen } });
  return respondPage(c, layout({ title: product.name, ...frame }, content), { status: refusal.status });
}
