// An order as its payment provider is told of it, with the key that makes every attempt the same one.
import type { Db } from '../postgres/database.ts';
import { shopCurrency } from '../web/money.ts';
import type { Charge } from './payment/provider.ts';

export async function readCharge(db: Db, orderId: string): Promise<{ charge: Charge; provider: string }> {
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
    },
  };
}
