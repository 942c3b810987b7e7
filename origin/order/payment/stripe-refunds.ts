// Pays back through Stripe, once for each refund, whatever Stripe still remembers of its key.
import type Stripe from 'stripe';
import type { PaymentProvider, RefundResult } from './provider.ts';
import { type ConnectStripe, toRefusal } from './stripe-client.ts';

/** @param readIntentId of the payment. @throws where it took no money */
export function createStripeRefunds(
  connect: ConnectStripe,
  readIntentId: (reference: string | null) => Promise<string>,
): Pick<PaymentProvider, 'refund' | 'payBack'> {
  /** Keys are forgotten after a day, what was made under them is not: it bears the key. */
  const findRefund = async (intent: string, key: string): Promise<Stripe.Refund | undefined> => {
    const { refunds } = await connect();
    for await (const refund of refunds.list({ payment_intent: intent, limit: 100 }))
      if (refund.metadata?.['key'] === key) return refund;
    return undefined;
  };
  return {
    async refund(charge) {
      const paymentIntent = await readIntentId(charge.reference);
      const idempotencyKey = `${charge.idempotencyKey}-refund`;
      const { refunds } = await connect();
      await refunds.create({ payment_intent: paymentIntent }, { idempotencyKey }).catch((error: unknown) => {
        // Keys are forgotten after a day: the second refund is refused by this code.
        if ((error as { code?: unknown }).code !== 'charge_already_refunded') throw error;
      });
    },
    async payBack(charge, { amount, key, isRepeated }) {
      const intent = await readIntentId(charge.reference);
      const known = isRepeated ? await findRefund(intent, key) : undefined;
      if (known !== undefined) return readRefund(known);
      const { refunds } = await connect();
      const asked = { payment_intent: intent, amount, metadata: { order: charge.orderNumber, key } };
      try {
        return readRefund(await refunds.create(asked, { idempotencyKey: `refund-${key}` }));
      } catch (error) {
        return { status: 'unknown', detail: toRefusal(error, { isFirst: true }).detail };
      }
    },
  };
}

function readRefund({ id, status, failure_reason: failure }: Stripe.Refund): RefundResult {
  if (status === 'succeeded') return { status: 'done', reference: id };
  const isOver = status === 'failed' || status === 'canceled';
  const detail = `Stripe says ${[status ?? 'nothing', failure].filter(Boolean).join(', ')}`;
  return { status: isOver ? 'unknown' : 'pending', reference: id, detail };
}
