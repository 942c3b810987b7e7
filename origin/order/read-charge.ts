// Reads what a payment provider needs to know of an order.
// This is the amount, the idempotency key, and the request that every attempt repeats.

import { readLineage } from '../postgres/lineage.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import { shopCurrency } from '../web/money.ts';
import { type Charge, holdMinutes, type PaymentProvider } from './payment/provider.ts';
import type { PaymentProviders } from './payment/providers.ts';

export async function readCharge(db: DbOrTx, orderId: string): Promise<{ charge: Charge; provider: string }> {
  const row = await db
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([
      'orders.number',
      'orders.total_amount',
      'payments.provider',
      'payments.wanted_outcome',
      'payments.reference',
      'payments.provider_key',
      'payments.request',
      'payments.expires_at',
      'payments.capture_amount',
      'payments.left_out_amount',
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
      idempotencyKey: row.provider_key ?? `order-${orderId}`,
      request: row.request,
      expiresAt: row.expires_at,
      wantedOutcome: row.wanted_outcome,
      reference: row.reference,
      toCapture: row.capture_amount ?? row.total_amount - row.left_out_amount,
    },
  };
}

/**
 * Stores the request in the transaction that places the order. A restored database then has the order with its whole
 * request, or neither.
 */
export async function keepRequest(
  tx: Tx,
  provider: PaymentProvider | undefined,
  orderId: string,
  nowMs: number,
): Promise<void> {
  if (provider?.prepare === undefined) return;
  const order = await tx
    .selectFrom('orders')
    .select(['number', 'email', 'total_amount'])
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  const lineage = await readLineage(tx);
  const expiresAt = new Date(nowMs + holdMinutes * 60_000);
  const request = provider.prepare({
    orderId,
    orderNumber: order.number,
    amount: order.total_amount,
    currency: shopCurrency,
    email: order.email,
    lineage,
    expiresAt,
  });
  await tx
    .updateTable('payments')
    .set({
      provider_key: `order-${order.number}-${lineage}`,
      request: JSON.stringify(request),
      expires_at: expiresAt,
    })
    .where('order_id', '=', orderId)
    .where('provider_key', 'is', null)
    .execute();
}

/**
 * Reads the charge. An order of the previous release has no request; it is made and stored before the first question.
 */
export async function readKeptCharge(
  { db, now }: { db: Db; now: () => number },
  providers: PaymentProviders,
  orderId: string,
): Promise<{ charge: Charge; provider: string }> {
  const found = await readCharge(db, orderId);
  const isKept = found.charge.request !== null || found.charge.reference !== null;
  const provider = providers.find(found.provider);
  if (isKept || provider?.prepare === undefined) return found;
  await db.transaction().execute((tx) => keepRequest(tx, provider, orderId, now()));
  return readCharge(db, orderId);
}
