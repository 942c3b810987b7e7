// Decides what a provider's answer, or none, makes of a payment and its order, and when it is asked again.
// Answers may arrive in any order and more than once. Money that arrives too late is refunded once.
import { type Selectable, sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { addToOutbox } from '../outbox/events.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Tx } from '../schema.ts';
import type { Issuer } from './invoice/invoice.ts';
import { changeOrder } from './life/change-order.ts';
import { paymentSteps } from './life/order-life.ts';
import { requestOrderMail } from './order-mail.ts';
import type { Charge, ChargeResult } from './payment/provider.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { readCharge } from './read-charge.ts';
import type { OrderTables, PaymentStatus, Who } from './tables.ts';

type Payment = Selectable<OrderTables['payments']>;

/** `unanswered`: the request failed, which says nothing about the payment. */
export type Outcome = ChargeResult | { status: 'unanswered'; detail: string };

type OutcomeDeps = Pick<Deps, 'db' | 'wakeWorker' | 'now' | 'settings'>;

export async function recordOutcome(deps: OutcomeDeps, orderId: string, outcome: Outcome): Promise<void> {
  await withPayment(deps, orderId, (tx, payment) => writeOutcome({ ...deps, tx }, payment, outcome));
}

/** News that a provider sends by itself. It may be about a sale of another shop with the same account. */
export interface PaymentEvent {
  orderId: string;
  provider: string;
  /** @returns undefined where it is about something else */
  read(charge: Charge): (ChargeResult & { tookMoney?: boolean; isToBeAsked?: boolean }) | undefined;
}

/** Records an event. One that does not fit the order decides nothing, and the provider is asked at once. */
export async function recordEvent(deps: OutcomeDeps, event: PaymentEvent): Promise<void> {
  await withPayment(deps, event.orderId, async (tx, payment) => {
    if (payment.provider !== event.provider) return;
    const told = event.read((await readCharge(tx, event.orderId)).charge);
    if (told === undefined) return;
    if (payment.status === 'failed' && told.tookMoney) await flagLateMoney(tx, payment, told.reference);
    else if (told.status === 'unknown' && paymentSteps[payment.status].length > 0)
      await askNow(tx, event.orderId);
    else if (told.status !== 'unknown') {
      await writeOutcome({ ...deps, tx }, payment, told);
      if (told.isToBeAsked && payment.status !== 'authorised') await askNow(tx, event.orderId);
    }
  });
}

async function withPayment(
  deps: OutcomeDeps,
  orderId: string,
  write: (tx: Tx, payment: Payment) => Promise<void>,
): Promise<void> {
  await retryOnConflict(() =>
    deps.db.transaction().execute(async (tx) => {
      const payment = await lockPayment(tx, orderId);
      if (payment !== undefined) await write(tx, payment);
    }),
  );
  deps.wakeWorker();
}

export function lockPayment(tx: Tx, orderId: string): Promise<Payment | undefined> {
  return tx.selectFrom('payments').selectAll().where('order_id', '=', orderId).forUpdate().executeTakeFirst();
}

/** @param payment the present row, locked by this transaction */
export async function writeOutcome(
  { tx, settings, now }: Issuer & Pick<Deps, 'now'>,
  payment: Payment,
  outcome: Outcome,
): Promise<void> {
  const nowMs = now();
  const { order_id: orderId } = payment;
  if (payment.status === 'failed' && outcome.status === 'paid')
    return flagLateMoney(tx, payment, outcome.reference);
  const status = outcome.status === 'unanswered' ? statusUnanswered(payment, nowMs) : outcome.status;
  const changes = paymentSteps[payment.status].includes(status);
  if (!changes && payment.status !== status) return;
  const saysNothing = outcome.status === 'unanswered' && !changes;
  const life = changes
    ? (
        await changeOrder({ tx, settings }, orderId, {
          deed: { what: 'payment', to: status },
          by: { who: payment.provider as Who },
          detail: outcome.detail,
        })
      ).life
    : undefined;
  if (!saysNothing)
    await tx
      .updateTable('payments')
      .set(change(payment, status, outcome, nowMs))
      .where('order_id', '=', orderId)
      .execute();
  // Confirms an order that is paid at the door once, when the attempt's answer brings the first reference.
  const confirmedNow =
    payment.provider === 'on-delivery' && status === 'pending' && payment.reference === null;
  // An order that was cancelled meanwhile is not confirmed. Its payment is refunded or released.
  const isGood = life?.status === 'paid' || (life?.status === 'placed' && status === 'authorised');
  // An authorised order was confirmed before, so it is not confirmed again when it is paid.
  if ((isGood && payment.status !== 'authorised') || confirmedNow) await requestOrderMail(tx, orderId);
  if (status === 'authorised') await askWhenOver(tx, payment, { outcome, nowMs });
  const isOpen = status === 'unknown' || (status === 'pending' && payment.provider !== 'on-delivery');
  if (isOpen && !(await willBeAskedAgain(tx, orderId)))
    await addToOutbox(tx, 'settle-payment', { orderId }, { dueAt: nextQuestionAt(payment, nowMs) });
}

/** Card networks keep an authorisation for a week: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method */
const authorisedMs = 7 * 86_400_000;
const overMs = 3_600_000;

/**
 * Schedules a question for the time when the authorisation has ended. If a question got no answer, it is asked again
 * soon.
 */
async function askWhenOver(
  tx: Tx,
  { order_id: orderId, authorised_until: until }: Payment,
  { outcome, nowMs }: { outcome: Outcome; nowMs: number },
): Promise<void> {
  const overAtMs = (until?.getTime() ?? nowMs + authorisedMs) + overMs;
  const isSoon = outcome.status === 'unanswered' || overAtMs <= nowMs;
  const dueAt = new Date(isSoon ? nowMs + shortestPauseMs * 2 : overAtMs);
  if (!(await willBeAskedAgain(tx, orderId, new Date(dueAt.getTime() + overMs))))
    await addToOutbox(tx, 'settle-payment', { orderId }, { dueAt });
}

function change(payment: Payment, status: PaymentStatus, outcome: Outcome, nowMs: number) {
  const { reference, redirectUrl }: Partial<ChargeResult> = outcome.status === 'unanswered' ? {} : outcome;
  // An older answer may arrive after the news that the shopper has completed the page.
  const hasBeenThere =
    payment.status === 'pending' && payment.reference !== null && payment.redirect_url === null;
  const isDecided = status === 'paid' || status === 'failed';
  return {
    status,
    updated_at: sql<Date>`clock_timestamp()`,
    redirect_url: status === 'pending' && !hasBeenThere ? (redirectUrl ?? null) : null,
    detail: outcome.detail?.slice(0, 500) ?? null,
    ...(reference ? { reference } : {}),
    ...(status === 'authorised' && payment.authorised_until === null
      ? { authorised_until: new Date(nowMs + authorisedMs) }
      : {}),
    // The request names the buyer. It is no longer needed, because the first answer is known.
    ...(reference || isDecided ? { request: null } : {}),
  };
}

const longestSilenceMs = 24 * 3_600_000;

/**
 * Returns the status after an unanswered question. A known page stays pending while it is open, and for a day without
 * an answer. Where no page is known, money may have moved.
 */
function statusUnanswered(payment: Payment, nowMs: number): PaymentStatus {
  if (payment.status === 'authorised') return 'authorised';
  if (payment.status !== 'pending' || payment.reference === null) return 'unknown';
  const lastKnownMs = Math.max(payment.updated_at.getTime(), payment.expires_at?.getTime() ?? 0);
  return nowMs - lastKnownMs < longestSilenceMs ? 'pending' : 'unknown';
}

const shortestPauseMs = 30_000;
const longestPauseMs = 6 * 3_600_000;
const afterClosingMs = 60_000;

/**
 * Pauses grow with the time that the payment has been open. A question is also due a minute after the provider's page
 * closes.
 */
function nextQuestionAt({ attempted_at, expires_at }: Payment, nowMs: number): Date {
  const openMs = nowMs - (attempted_at?.getTime() ?? nowMs);
  const pauseMs = Math.min(Math.max(openMs / 2, shortestPauseMs), longestPauseMs);
  const closedMs = (expires_at?.getTime() ?? 0) + afterClosingMs;
  return new Date(closedMs > nowMs ? Math.min(nowMs + pauseMs, closedMs) : nowMs + pauseMs);
}

/** Adds one question, even if the event comes several times before it is asked. Index: outbox_payment_questions. */
export async function askNow(tx: Tx, orderId: string): Promise<void> {
  const { rows } = await sql`
    select from outbox
    where state = 'pending' and due_at <= clock_timestamp() and claimed_until < clock_timestamp()
      and kind = 'settle-payment' and payload ->> 'orderId' = ${orderId}
    limit 1`.execute(tx);
  if (rows.length === 0) await addToOutbox(tx, 'settle-payment', { orderId });
}

/**
 * Tells whether a question is already pending, so that each order has only one. Index: outbox_payment_questions.
 * @param until questions that are due later do not count
 */
async function willBeAskedAgain(tx: Tx, orderId: string, until?: Date): Promise<boolean> {
  const { rows } = await sql`
    select from outbox
    where state = 'pending' and due_at > clock_timestamp() and due_at <= coalesce(${until ?? null}::timestamptz, 'infinity')
      and kind = 'settle-payment' and payload ->> 'orderId' = ${orderId}
    limit 1`.execute(tx);
  return rows.length > 0;
}

// Flags money that arrives after its order was cancelled, and refunds it once.

/** Called while an outcome is recorded. The job refunds the money. */
export async function flagLateMoney(
  tx: Tx,
  { order_id: orderId, flag }: Selectable<OrderTables['payments']>,
  reference: string | undefined,
): Promise<void> {
  if (flag !== null) return;
  await tx
    .updateTable('payments')
    .set({ flag: 'late-money', detail: null, ...(reference ? { reference } : {}) })
    .where('order_id', '=', orderId)
    .execute();
  await addToOutbox(tx, 'settle-payment', { orderId });
}

/** Called by the job. Safe to repeat: the order's key identifies the refund at the provider. */
export async function refundLateMoney(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
): Promise<void> {
  const { charge, provider: name } = await readCharge(deps.db, orderId);
  const provider = providers.find(name);
  if (provider === undefined) throw new Error(`Cannot pay back: the settings have no keys of ${name}`);
  await provider.refund(charge);
  await deps.db
    .updateTable('payments')
    .set({ flag: 'refunded' })
    .where('order_id', '=', orderId)
    .where('flag', '=', 'late-money')
    .execute();
}
