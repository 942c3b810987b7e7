// The pages of orders, for whoever placed them and for whoever has the link of a mail.
import { type Context, Hono } from 'hono';
import { cartRequestOf } from '../cart/api.ts';
import type { Carts } from '../cart/carts.ts';
import { readPictures } from '../cart/pages.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame } from '../identity/page-frame.ts';
import { readVisitor, type Visitor } from '../identity/visitor.ts';
import { idPattern } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { readForm, readIdempotencyKey } from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { readBuyer } from './api.ts';
import { checkoutPages } from './checkout-pages.ts';
import { cameToNothing, orderAgain } from './order-again.ts';
import { readOrderIds } from './order-cookie.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { type OrderDetail, readOrderByKey, readOrderDetail } from './read-orders.ts';
import { learnOutcome } from './return-from-provider.ts';
import { noOrderPage, orderPage } from './views/order.ts';

export function orderPages(deps: Deps, carts: Carts, providers: PaymentProviders): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .route('/', checkoutPages(deps, carts, providers))
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

async function showOrder(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const key = c.req.query('key');
  const isBack = c.req.query('paid') !== undefined;
  const [visitor, found] = await Promise.all([readVisitor(deps, c), findOrder(deps, c, key)]);
  let detail = found;
  if (isBack && found?.order.payment.redirectUrl !== undefined) {
    await learnOutcome(deps, found.order.id);
    detail = await findOrder(deps, c, key);
  }
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
  const content = orderPage({ detail, variants, isSignedIn: account !== undefined, key, isBack });
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
