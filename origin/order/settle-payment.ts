// The worker's job for a payment whose outcome is open.
import type { Deps } from '../deps.ts';
import { settleOpenPayment } from './pay-order.ts';
import { createPaymentProviders } from './payment/providers.ts';

export function settlePayment(deps: Deps, orderId: string): Promise<void> {
  return settleOpenPayment(deps, createPaymentProviders(deps.settings), orderId);
}
