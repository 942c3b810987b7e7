// Paid at the door: pending until somebody rings, and nothing to ask in between.
import type { PaymentProvider } from './provider.ts';

export const onDeliveryProvider: PaymentProvider = {
  charge: async () => ({ status: 'pending' }),
  ask: async () => ({ status: 'pending' }),
  refund: async () => undefined,
};
