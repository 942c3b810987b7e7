// Checkout and orders as pages. Nothing is ordered at a price or in a number that the shopper did not see.
import { type Context, Hono } from 'hono';
import { readFrame } from '../../account/pages/frame.ts';
import { readVisitor } from '../../account/visitor.ts';
import type { Cart } from '../../cart/cart.ts';
import type { Carts } from '../../cart/carts.ts';
import { readPictures } from '../../cart/pages/routes.ts';
import { visitOf } from '../../cart/routes.ts';
import type { Deps } from '../../deps.ts';
import type { Refusal } from '../../errors.ts';
import type { AppEnv } from '../../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultsOf,
  readForm,
  readIdempotencyKey,
  refusalToShow,
} from '../../web/page/form.ts';
import { layout } from '../../web/page/layout.ts';
import { respondPage, seeOther } from '../../web/page/page-response.ts';
import { readOwn } from '../../web/request/read-your-writes.ts';
import { OrderRequestSchema } from '../order.ts';
import { cameToNothing, orderAgain } from '../order-again.ts';
import type { PaymentProviders } from '../payment/providers.ts';
import { placeOrder } from '../place-order.ts';
import { readOrderDetail } from '../read-orders.ts';
import { readBuyer } from '../routes.ts';
import { checkoutPage } from './checkout.ts';
import { orderPage } from './order.ts';
import { readOrderRequest } from './order-form.ts';
import { changesSince, seenTotal } from './seen-cart.ts';

export function orderPages(deps: Deps, carts: Carts, providers: PaymentProviders): Hono<AppEnv> {
  const view = async (c: Context<AppEnv>) => carts.view(await visitOf(deps, c));

  return new Hono<AppEnv>()
    .get('/checkout', async (c) => {
      const { cart, setCookies } = await view(c);
      if (cart.lines.length === 0) return seeOther('/cart', setCookies);
      return showCheckout(deps, c, cart, { values: {}, setCookies, providers: providers.names });
    })
    .post('/checkout', async (c) => {
      const values = await readForm(c);
      const { cart } = await view(c);
      const again = { values, providers: providers.names };
      const parsed = OrderRequestSchema.safeParse(readOrderRequest(values));
      if (!parsed.success)
        return showCheckout(deps, c, cart, { ...again, faults: faultsOf(parsed.error, values) });
      // An empty bag may be that of an order that this very form has placed: its key then answers with that order.
      const isEmpty = cart.lines.length === 0;
      if (!isEmpty && changesSince(values['seen'], cart).length > 0) {
        return showCheckout(deps, c, cart, { ...again, status: 409 });
      }
      try {
        const { order, setCookies } = await placeOrder(deps, carts, providers, {
          ...(await readBuyer(deps, c)),
          idempotencyKey: readIdempotencyKey(values),
          path: '/checkout',
          traceparent: c.get('traceparent'),
          request: parsed.data,
          expectedTotal: seenTotal(values['seen']),
        });
        return seeOther(`/orders/${order.id}`, setCookies);
      } catch (error) {
        const refusal = refusalToShow(error);
        if (refusal.code === 'cart-empty') return seeOther('/cart');
        return showCheckout(deps, c, (await view(c)).cart, { ...again, refusal });
      }
    })
    .get('/orders/:id', (c) => showOrder(deps, c))
    .post('/orders/:id/again', async (c) => {
      const values = await readForm(c);
      const { order } = await readOrderDetail(deps, c.req.param('id'), await readBuyer(deps, c));
      if (!cameToNothing(order)) return seeOther(`/orders/${order.id}`);
      const form = { key: readIdempotencyKey(values), path: c.req.path };
      return seeOther('/cart', await orderAgain(carts, await visitOf(deps, c), order, form));
    });
}

interface Shown {
  values: FormValues;
  providers: string[];
  faults?: FormFaults;
  refusal?: Refusal;
  status?: number;
  setCookies?: string[];
}

async function showCheckout(deps: Deps, c: Context<AppEnv>, cart: Cart, shown: Shown): Promise<Response> {
  const { values, providers, faults, refusal, setCookies } = shown;
  const [{ account }, frame, variants] = await Promise.all([
    readVisitor(deps, c),
    readFrame(deps, c, cart.count),
    readPictures(
      deps,
      cart.lines.map((line) => line.variantId),
    ),
  ]);
  const known: FormValues = account === undefined ? {} : { email: account.email, name: account.name };
  const content = checkoutPage({
    cart,
    variants,
    providers,
    isSignedIn: account !== undefined,
    values: { ...known, ...values },
    ...(faults ? { faults } : {}),
    changes: changesSince(values['seen'], cart),
    refused: describeRefusal(refusal),
  });
  return respondPage(c, layout({ title: 'Check out', ...frame }, content), {
    status: shown.status ?? refusal?.status ?? (faults ? 422 : 200),
    ...(setCookies ? { setCookies } : {}),
  });
}

/** What is short stands beside each line, too. */
function describeRefusal(refusal: Refusal | undefined): string | undefined {
  if (refusal === undefined) return undefined;
  if (refusal.code !== 'out-of-stock') return `${refusal.message}.`;
  return 'Not everything in your bag is still to be had. Nothing was ordered: please change the bag and decide.';
}

async function showOrder(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const { account } = await readVisitor(deps, c);
  const buyer = await readBuyer(deps, c);
  const id = c.req.param('id') ?? '';
  const detail = await readOwn(deps, c, (db) => readOrderDetail({ ...deps, db }, id, buyer));
  const [frame, variants] = await Promise.all([
    readFrame(deps, c),
    readPictures(
      deps,
      detail.order.lines.map((line) => line.variantId),
    ),
  ]);
  const content = orderPage({ detail, variants, isSignedIn: account !== undefined });
  return respondPage(c, layout({ title: `Order ${detail.order.number}`, ...frame }, content));
}
