// The pages of checkout and orders. Nothing is ordered at a price or quantity that the shopper did not see.
import { type Context, Hono } from 'hono';
import { cartRequestOf } from '../cart/api.ts';
import type { Cart } from '../cart/cart.ts';
import type { Carts } from '../cart/carts.ts';
import { readPictures } from '../cart/pages.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame } from '../identity/page-frame.ts';
import { respondSignedOut, wasSignedIn } from '../identity/signed-out-form.ts';
import { readVisitor, type Visitor } from '../identity/visitor.ts';
import { idPattern } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { formatMoney, type Money } from '../web/money.ts';
import {
  type FormFaults,
  type FormValues,
  faultsOf,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { readBuyer } from './api.ts';
import { OrderRequestSchema } from './order.ts';
import { cameToNothing, orderAgain } from './order-again.ts';
import { readOrderIds } from './order-cookie.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { placeOrder } from './place-order.ts';
import { type OrderDetail, readOrderByKey, readOrderDetail } from './read-orders.ts';
import { checkoutPage } from './views/checkout.ts';
import { noOrderPage, orderPage } from './views/order.ts';
import { readOrderRequest } from './views/order-form.ts';
import { gatherPaymentFaults } from './views/payment.ts';
import { changesSince, seenTotal } from './views/seen-cart.ts';

export function orderPages(deps: Deps, carts: Carts, providers: PaymentProviders): Hono<AppEnv> {
  const view = async (c: Context<AppEnv>) => carts.view(await cartRequestOf(deps, c));

  return new Hono<AppEnv>()
    .get('/checkout', async (c) => {
      const { cart, setCookies } = await view(c);
      if (cart.lines.length === 0) return seeOther('/cart', setCookies);
      return showCheckout(deps, c, cart, { values: {}, setCookies, providers: providers.names });
    })
    .post('/checkout', async (c) => {
      const values = await readForm(c);
      // The account's bag is out of reach: it is no empty one.
      const visitor = await readVisitor(deps, c);
      if (visitor.account === undefined && wasSignedIn(visitor, values))
        return respondSignedOut(deps, c, values);
      const { cart } = await view(c);
      const again = { values, providers: providers.names };
      const parsed = OrderRequestSchema.safeParse(readOrderRequest(values));
      if (!parsed.success) {
        if (cart.lines.length === 0) return seeOther('/cart');
        const faults = gatherPaymentFaults(faultsOf(parsed.error, values));
        return showCheckout(deps, c, cart, { ...again, faults });
      }
      // An empty bag may be that of an order that this very form has placed: its key then answers with that order.
      const isEmpty = cart.lines.length === 0;
      const toldTotal = readToldTotal(values['total']);
      const isAgreed = isEmpty || cart.total.amount === toldTotal;
      if (!isAgreed && changesSince(values['seen'], cart).length > 0) {
        return showCheckout(deps, c, cart, { ...again, status: 409 });
      }
      try {
        const { order, setCookies } = await placeOrder(deps, carts, providers, {
          ...(await readBuyer(deps, c)),
          idempotencyKey: readIdempotencyKey(values),
          path: '/checkout',
          traceparent: c.get('traceparent'),
          request: parsed.data,
          expectedTotal: toldTotal ?? seenTotal(values['seen']),
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
      const { order } = (await findOrder(deps, c, values['key'])) ?? {};
      if (order === undefined) return showNoOrder(deps, c);
      if (!cameToNothing(order)) return seeOther(addressOf(order.id, values['key']));
      const form = { key: readIdempotencyKey(values), path: c.req.path };
      return seeOther('/cart', await orderAgain(carts, await cartRequestOf(deps, c), order, form));
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
  const isWrong = faults !== undefined || refusal !== undefined || shown.status !== undefined;
  const content = checkoutPage({
    cart,
    variants,
    providers,
    isSignedIn: account !== undefined,
    values: { ...known, ...values },
    ...(faults ? { faults } : {}),
    changes: changesSince(values['seen'], cart),
    refused: describeRefusal(refusal, cart),
    toldTotal: totalOf(refusal),
  });
  return respondPage(c, layout({ title: titleOf('Check out', isWrong), ...frame }, content), {
    status: shown.status ?? refusal?.status ?? (faults ? 422 : 200),
    ...(setCookies ? { setCookies } : {}),
  });
}

/** What is short stands beside each line, too. */
function describeRefusal(refusal: Refusal | undefined, cart: Cart): string | undefined {
  switch (refusal?.code) {
    case undefined:
      return undefined;
    case 'out-of-stock':
      return 'Not everything in your bag is still available. Nothing was ordered: please change the bag.';
    case 'price-changed':
      return `The total changed: it is now ${formatMoney(totalOf(refusal) ?? 0)} instead of ${formatMoney(cart.total.amount)}. Nothing was ordered yet. If that is fine with you, buy now.`;
    case 'idempotency-key-reused':
      return 'This form was sent before with other contents. Your account and your mail show what was ordered; to order this as well, buy now.';
    default:
      return `${refusal?.message}.`;
  }
}

/** @returns minor units, of a refusal that tells what the order costs now. */
function totalOf(refusal: Refusal | undefined): number | undefined {
  return (refusal?.details['total'] as Money | undefined)?.amount;
}

function readToldTotal(text: string | undefined): number | undefined {
  return /^\d{1,10}$/.test(text ?? '') ? Number(text) : undefined;
}

async function showOrder(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const key = c.req.query('key');
  const [visitor, detail] = await Promise.all([readVisitor(deps, c), findOrder(deps, c, key)]);
  const { account } = visitor;
  if (detail === undefined) {
    const isForNobody = account !== undefined || key !== undefined || !isToSignIn(deps, c, visitor);
    if (isForNobody) return showNoOrder(deps, c);
    return seeOther(`/sign-in?${new URLSearchParams({ next: c.req.path })}`);
  }
  const [frame, variants] = await Promise.all([
    readFrame(deps, c),
    readPictures(
      deps,
      detail.order.lines.map((line) => line.variantId),
    ),
  ]);
  const content = orderPage({ detail, variants, isSignedIn: account !== undefined, key });
  const title = `Order ${detail.order.number}`;
  return respondPage(c, layout({ title, ...frame, secretAddress: key !== undefined }, content), {
    headers: secrecy(key),
  });
}

/** The visitor's own, or one that the key of a mail's link opens. */
async function findOrder(
  deps: Deps,
  c: Context<AppEnv>,
  key: string | undefined,
): Promise<OrderDetail | undefined> {
  const id = c.req.param('id') ?? '';
  const buyer = await readBuyer(deps, c);
  const own = await readOwn(deps, c, (db) => orNone(readOrderDetail({ ...deps, db }, id, buyer)));
  // A mail may be read before a replica has its order.
  return own ?? (key === undefined ? undefined : orNone(readOrderByKey(deps, id, key)));
}

async function orNone<Found>(finding: Promise<Found>): Promise<Found | undefined> {
  return finding.catch((error: unknown) => {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  });
}

/**
 * Who asks to, who was signed in until lately, and the browser that placed the order; nobody else learns whether there
 * is one.
 */
function isToSignIn(
  { settings }: Pick<Deps, 'settings'>,
  c: Context<AppEnv>,
  { hasEndedSession }: Visitor,
): boolean {
  const id = c.req.param('id') ?? '';
  if (!idPattern.test(id)) return false;
  const isAsked = c.req.query('sign-in') !== undefined;
  return isAsked || hasEndedSession || readOrderIds(settings, c.req.header('Cookie')).includes(id);
}

/** The same for whatever is not there and whatever is not the visitor's. */
async function showNoOrder(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const [frame, { account }] = await Promise.all([readFrame(deps, c), readVisitor(deps, c)]);
  const content = noOrderPage({ isSignedIn: account !== undefined });
  return respondPage(c, layout({ title: 'Order not found', ...frame }, content), {
    status: 404,
    headers: secrecy(c.req.query('key')),
  });
}

function addressOf(orderId: string, key: string | undefined): string {
  return key === undefined ? `/orders/${orderId}` : `/orders/${orderId}?${new URLSearchParams({ key })}`;
}

/** An address with a key is a secret. */
function secrecy(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { 'Referrer-Policy': 'no-referrer' };
}
