// An order's way to its payment: reserved → pending → paid | failed | unknown. Each step is written down before the provider is called, so that
// whoever comes after a crash knows that money may have moved.
import { sql } from 'kysely';
import { returnStock } from '../catalog/take-stock.ts';
import type { Deps } from '../deps.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Db, Tx } from '../postgres/database.ts';
import { retryOnConflict } from '../postgres/retry-on-conflict.ts';
import { shopCurrency } from '../web/money.ts';
import { orderTemplate } from './order-mail.ts';
import type { Charge, ChargeResult } from './payment/provider.ts';
import type { PaymentProviders } from './payment/providers.ts';
import type { PaymentStatus } from './tables.ts';

const providerMs = 8_000;
const askAgainSeconds = 30;

/** The first attempt, once: whoever finds the payment reserved makes it. */
export async function attemptPayment(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
): Promise<void> {
  const begun = await deps.db
    .updateTable('payments')
    .set({ status: 'pending', attempted_at: sql`clock_timestamp()`, updated_at: sql`clock_timestamp()` })
    .where('order_id', '=', orderId)
    .where('status', '=', 'reserved')
    .executeTakeFirst();
  if (begun.numUpdatedRows === 1n) await callProvider(deps, providers, orderId, 'charge');
}

/**
 * The job: makes the attempt that was never made, asks what became of one, gives back money that came too late.
 * Safe to repeat; an outcome that stays open is asked for again later.
 */
export async function settleOpenPayment(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
): Promise<void> {
  await attemptPayment(deps, providers, orderId);
  const payment = await deps.db
    .selectFrom('payments')
    .select(['status', 'flag'])
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  if (payment?.flag === 'late-money') return refundLateMoney(deps, providers, orderId);
  if (payment?.status === 'pending' || payment?.status === 'unknown') {
    await callProvider(deps, providers, orderId, 'ask');
  }
}

async function callProvider(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
  how: 'charge' | 'ask',
): Promise<void> {
  const { charge, provider } = await readCharge(deps.db, orderId);
  let result: ChargeResult;
  try {
    result = await providers.require(provider)[how](charge);
  } catch (error) {
    // No answer is not a refusal: the money may have been taken.
    deps.log.warn({ err: error, orderId, provider }, 'the outcome of a payment is unknown');
    result = { status: 'unknown' };
  }
  await recordOutcome(deps, orderId, result);
}

async function readCharge(db: Db, orderId: string): Promise<{ charge: Charge; provider: string }> {
  const row = await db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([
      'orders.number',
      'orders.email',
      'orders.total_amount',
      'payments.provider',
      'payments.wanted_outcome',
      'payments.reference',
    ])
    .where('orders.id', '=', orderId)
    .executeTakeFirstOrThrow();
  return {
    provider: row.provider,
    charge: {
      orderId,
      orderNumber: row.number,
      amount: row.total_amount,
      currency: shopCurrency,
      email: row.email,
      idempotencyKey: `order-${orderId}`,
      wantedOutcome: row.wanted_outcome,
      reference: row.reference,
      signal: AbortSignal.timeout(providerMs),
    },
  };
}

/** What may follow upon what; anything else arrived late or twice and changes nothing. */
const next: Record<PaymentStatus, PaymentStatus[]> = {
  reserved: ['pending', 'paid', 'failed', 'unknown'],
  pending: ['paid', 'failed', 'unknown'],
  unknown: ['paid', 'failed', 'pending'],
  paid: [],
  failed: [],
};

/** Also for webhooks. */
export async function recordOutcome(
  deps: Pick<Deps, 'db' | 'hintWorker'>,
  orderId: string,
  result: ChargeResult,
): Promise<void> {
  await retryOnConflict(() => deps.db.transaction().execute((tx) => writeOutcome(tx, orderId, result)));
  deps.hintWorker();
}

async function writeOutcome(
  tx: Tx,
  orderId: string,
  { status, reference, redirectUrl }: ChargeResult,
): Promise<void> {
  const payment = await tx
    .selectFrom('payments')
    .select(['status', 'provider', 'flag'])
    .where('order_id', '=', orderId)
    .forUpdate()
    .executeTakeFirst();
  if (payment === undefined) return;
  if (payment.status === 'failed' && status === 'paid')
    return flagLateMoney(tx, orderId, payment.flag, reference);
  const changes = next[payment.status].includes(status);
  if (!changes && payment.status !== status) return;
  await tx
    .updateTable('payments')
    .set({
      status,
      updated_at: sql`clock_timestamp()`,
      ...(reference ? { reference } : {}),
      redirect_url: status === 'pending' ? (redirectUrl ?? null) : null,
    })
    .where('order_id', '=', orderId)
    .execute();
  if (changes && status === 'failed') await cancelOrder(tx, orderId);
  if (changes && status === 'paid') {
    await tx.updateTable('orders').set({ status: 'paid' }).where('id', '=', orderId).execute();
  }
  const firstGoodNews = status === 'paid' || (status === 'pending' && payment.provider === 'on-delivery');
  if (changes && firstGoodNews) await mailBuyer(tx, orderId);
  const open = status === 'unknown' || (status === 'pending' && payment.provider !== 'on-delivery');
  if (open)
    await addToOutbox(
      tx,
      'settle-payment',
      { orderId },
      { dueAt: new Date(Date.now() + askAgainSeconds * 1_000) },
    );
}

/** Gives the stock back, once: only the one who turns the order to cancelled does. */
export async function cancelOrder(tx: Tx, orderId: string): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('orders')
    .set({ status: 'cancelled' })
    .where('id', '=', orderId)
    .where('status', '=', 'placed')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  const lines = await tx
    .selectFrom('order_lines')
    .select(['variant_id as variantId', 'quantity'])
    .where('order_id', '=', orderId)
    .execute();
  await returnStock(tx, lines);
}

async function flagLateMoney(
  tx: Tx,
  orderId: string,
  flag: string | null,
  reference: string | undefined,
): Promise<void> {
  if (flag !== null) return;
  await tx
    .updateTable('payments')
    .set({ flag: 'late-money', ...(reference ? { reference } : {}) })
    .where('order_id', '=', orderId)
    .execute();
  await addToOutbox(tx, 'settle-payment', { orderId });
}

async function refundLateMoney(deps: Deps, providers: PaymentProviders, orderId: string): Promise<void> {
  const { charge, provider } = await readCharge(deps.db, orderId);
  await providers.require(provider).refund(charge);
  await deps.db
    .updateTable('payments')
    .set({ flag: 'refunded' })
    .where('order_id', '=', orderId)
    .where('flag', '=', 'late-money')
    .execute();
}

async function mailBuyer(tx: Tx, orderId: string): Promise<void> {
  const { email } = await tx
    .selectFrom('orders')
    .select('email')
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  if (email !== null)
    await addToOutbox(tx, 'mail', { to: email, template: orderTemplate, data: { orderId } });
}
