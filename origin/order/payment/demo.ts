// The demo payment provider: no money moves. The shopper chooses the outcome.
import type { PaymentProvider } from './provider.ts';

export const demoProvider: PaymentProvider = {
  async charge({ wantedOutcome }) {
    if (wantedOutcome === 'declined') return { status: 'failed' };
    return { status: wantedOutcome === 'unknown' ? 'unknown' : 'paid' };
  },
  /** Asked again, an unknown outcome turns out to have been paid. */
  retrieve: async ({ wantedOutcome }) => ({ status: wantedOutcome === 'declined' ? 'failed' : 'paid' }),
  refund: async () => undefined,
  payBack: async () => ({ status: 'done' }),
};
