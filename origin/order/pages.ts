// The pages of orders, for the shopper who placed one and for everyone who has the link of its mail.

import { setTimeout as delay } from 'node:timers/promises';
import { type Context, Hono } from 'hono';
import { sql } from 'kysely';
import { cartRequestOf } from '../cart/api.ts';
import type { Carts } from '../cart/carts.ts';
import { readPictures } from '../cart/pages.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame, respondSignedOut, wasSignedIn } from '../identity/page-frame.ts';
import { readVisitor, type Visitor } from '../identity/visitor.ts';
import { idPattern } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { type FormValues, readForm, readIdempotencyKey, refusalToShow, titleOf } from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { readBuyer } from './api.ts';
import { checkoutPages } from './checkout-pages.ts';
import { readOrderIds, requestOrderLink } from './guest-orders.ts';
import { LookUpSchema, returnChange, writeOf } from './life/api.ts';
import { returnableOf } from './life/describe-life.ts';
import type { OrderChange } from './life/order-life.ts';
import { performDeed } from './life/perform-deed.ts';
import { readEvents } from './life/staff-orders.ts';
import { cameToNothing, orderAgain } from './order-again.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { type OrderDetail, openOrder, readOrderByKey, readOrderDetail } from './read-orders.ts';
import { askNow, lockPayment } from './record-outcome.ts';
import { findOrderPage } from './views/after-purchase.ts';
import { noOrderPage, orderPage } from './views/order.ts';

export function orderPages(deps: Deps, carts: Carts, providers: PaymentProviders): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .route('/', checkoutPages(deps, carts, providers))
    .get('/orders/:id', (c) => showOrder(deps, c))
    .post('/orders/:id', async (c) => {
      const values = await readForm(c);
      const id = c.req.param('id');
      const [visitor, buyer] = await Promise.all([readVisitor(deps, c), readBuyer(deps, c)]);
      const { key } = values;
      const detail = await orNone(openOrder(deps, id, buyer, key));
      if (detail === undefined) {
        const isKept = visitor.account === undefined && wasSignedIn(visitor, values);
        return isKept ? respondSignedOut(deps, c, values) : showNoOrder(deps, c);
      }
      try {
        const change = readChange(deps, detail, values);
        const write = writeOf(c, id, buyer, { key: readIdempotencyKey(values), body: bodyOf(values) });
        await performDeed({ deps, providers }, { orderId: id, write, change });
        return seeOther(addressOf(id, key));
      } catch (error) {
        return showOrder(deps, c, { values, refusal: refusalToShow(error) });
      }
    })
    .get('/find-order', async (c) =>
      showFindOrder(deps, c, { values: {}, isSent: c.req.query('sent') !== undefined }),
    )
    .post('/find-order', async (c) => {
      const values = await readForm(c);
      const parsed = LookUpSchema.safeParse({ number: values['number'], email: values['email']?.trim() });
      if (!parsed.success)
        return showFindOrder(deps, c, {
          values,
          isSent: false,
          fault: 'Please enter the number of the order and your e-mail.',
        });
      const request = await cartRequestOf(deps, c);
      await requestOrderLink(deps, {
        ...parsed.data,
        scope: carts.scope(request),
        idempotencyKey: readIdempotencyKey(values),
      });
      return seeOther('/find-order?sent=yes');
    })
    .post('/orders/:id/again', async (c) => {
      const values = await readForm(c);
      const { order } = (await findOrder(deps, c, values['key'])) ?? {};
      if (order === undefined) return showNoOrder(deps, c);
      if (!cameToNothing(order)) return seeOther(addressOf(order.id, values['key']));
      const form = { key: readIdempotencyKey(values), path: c.req.path };
      return seeOther('/cart', await orderAgain(carts, await cartRequestOf(deps, c), order, form));
    });
}

/** @throws Refusal 422 where the form asks for nothing that can be done */
function readChange(deps: Deps, { order }: OrderDetail, values: FormValues): OrderChange {
  if (values['do'] === 'cancel')
    return { deed: { what: 'cancel' }, by: { who: 'shopper' }, reason: reasonOf(values['cancel-reason']) };
  if (values['do'] !== 'send-back')
    throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  const lines = order.lines
    .map(({ variantId }) => ({ variantId, quantity: Number(values[`back-${variantId}`] ?? 0) }))
    .filter(({ quantity }) => quantity !== 0);
  const isCounted = lines.every(({ quantity }) => Number.isInteger(quantity) && quantity > 0);
  if (lines.length === 0 || !isCounted)
    throw new Refusal(422, 'invalid-body', 'Please choose the pieces that you send back');
  return returnChange(deps, { lines, reason: reasonOf(values['back-reason']) });
}

function reasonOf(text = ''): string | undefined {
  return (
    text
      .replaceAll(/\p{Cc}+/gu, ' ')
      .trim()
      .slice(0, 500) || undefined
  );
}

/** The body by which a repeated form is recognised: every field except the key itself. */
function bodyOf({ 'idempotency-key': _, ...values }: FormValues): FormValues {
  return values;
}

async function showFindOrder(
  deps: Deps,
  c: Context<AppEnv>,
  shown: Parameters<typeof findOrderPage>[0],
): Promise<Response> {
  const isWrong = shown.fault !== undefined;
  const title = titleOf('Find your order', isWrong);
  return respondPage(c, layout({ title, ...(await readFrame(deps, c)) }, findOrderPage(shown)), {
    status: isWrong ? 422 : 200,
  });
}

/** The form that was refused. */
interface Refused {
  values: FormValues;
  refusal: Refusal;
}

async function showOrder(deps: Deps, c: Context<AppEnv>, refused?: Refused): Promise<Response> {
  const key = c.req.query('key') ?? refused?.values['key'];
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
  const { order } = detail;
  const [frame, variants, events] = await Promise.all([
    readFrame(deps, c),
    readPictures(
      deps,
      order.lines.map((line) => line.variantId),
    ),
    readOwn(deps, c, (db) => readEvents(db, order)),
  ]);
  const content = orderPage({
    detail,
    variants,
    isSignedIn: account !== undefined,
    key,
    isBack,
    events,
    returnable: returnableOf(order, deps.settings.returnDays, deps.now()),
    ...(refused ? { entered: refused.values, refused: `${refused.refusal.message}.` } : {}),
  });
  const title = titleOf(`Order ${order.number}`, refused !== undefined);
  return respondPage(c, layout({ title, ...frame, secretAddress: key !== undefined }, content), {
    status: refused?.refusal.status ?? 200,
    headers: secrecy(key),
  });
}

/** Finds an order of this visitor, or one that the key of a mail's link opens. */
async function findOrder(
  deps: Deps,
  c: Context<AppEnv>,
  key: string | undefined,
): Promise<OrderDetail | undefined> {
  const id = c.req.param('id') ?? '';
  const buyer = await readBuyer(deps, c);
  const own = await readOwn(deps, c, (db) => orNone(readOrderDetail({ ...deps, db }, id, buyer)));
  // A shopper may follow the mail's link before a replica has the order, so this reads the primary.
  return own ?? (key === undefined ? undefined : orNone(readOrderByKey(deps, id, key)));
}

async function orNone<Found>(finding: Promise<Found>): Promise<Found | undefined> {
  return finding.catch((error: unknown) => {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  });
}

/**
 * Tells whether the visitor is sent to sign in: on request, after a session that has ended, or in the browser that
 * placed the order. All others must not learn whether the order exists.
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

/** Shows the same page for an order that does not exist and for one of another shopper. */
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

/** An address with a key is secret, so it is not sent as a referrer. */
function secrecy(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { 'Referrer-Policy': 'no-referrer' };
}

// Handles a shopper who returns from the provider's page before its webhook arrives: asks the provider, and waits a
// moment for the answer.

/** The provider is asked at most once in this time, however often the page is reloaded. */
const pauseMs = 2_000;
const patienceMs = 2_500;
const lookEveryMs = 150;

/** @returns when the payment is no longer pending, or after 2.5 s */
export async function learnOutcome(deps: Pick<Deps, 'db' | 'wakeWorker'>, orderId: string): Promise<void> {
  const until = performance.now() + patienceMs;
  await deps.db.transaction().execute(async (tx) => {
    const payment = await lockPayment(tx, orderId);
    if (payment?.status !== 'pending') return;
    const { rows } = await sql`select where ${payment.updated_at}::timestamptz
      < clock_timestamp() - ${pauseMs} * interval '1 millisecond'`.execute(tx);
    if (rows.length > 0) await askNow(tx, orderId);
  });
  deps.wakeWorker();
  while (performance.now() < until) {
    const row = deps.db.selectFrom('payments').select('status').where('order_id', '=', orderId);
    if ((await row.executeTakeFirst())?.status !== 'pending') return;
    await delay(lookEveryMs);
  }
}
