// The worker's job for a payment whose outcome is open: makes the attempt that was never made, asks what became of one, gives back money that
// came too late. Safe to repeat; an outcome that stays open is asked for again later.
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
  if (payment?.status === 'pending' || payment?.status === 'unknown') {
    await callProviderAndRecord(deps, providers, orderId, 'retrieve');
  }
}
