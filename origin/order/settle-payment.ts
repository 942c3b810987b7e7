// The worker's job for an open payment: makes the missing attempt, retrieves the outcome of an earlier one, refunds
// late money. Safe to repeat. A payment that stays open is retried later.
import type { Deps } from '../deps.ts';
import { refundLateMoney } from './late-money.ts';
import { attemptPayment, callProviderAndRecord } from './pay-order.ts';
import { createPaymentProviders, type PaymentProviders } from './payment/providers.ts';

export async function settlePayment(
  deps: Deps,
  orderId: string,
  providers: PaymentProviders = createPaymentProviders(deps.settings),
): Promise<void> {
  await attemptPayment(deps, providers, orderId);
  const payment = await deps.db
    .selectFrom('payments')
    .select(['status', 'flag'])
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  if (payment?.flag === 'late-money') return refundLateMoney(deps, providers, orderId);
  if (['pending', 'authorised', 'unknown'].includes(payment?.status ?? '')) {
    await callProviderAndRecord(deps, providers, orderId, 'retrieve');
  }
}
