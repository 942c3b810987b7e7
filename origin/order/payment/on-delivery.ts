// Payment on delivery: pending until the parcel arrives. The reference marks that the order was confirmed.
import type { PaymentProvider } from './provider.ts';

export const onDeliveryProvider: PaymentProvider = {
  charge: async () => ({ status: 'pending', reference: 'at the door' }),
  retrieve: async () => ({ status: 'pending', reference: 'at the door' }),
  refund: async () => undefined,
  /** By hand, or by bank transfer: staff see to it. */
  payBack: async () => ({ status: 'done' }),
};
