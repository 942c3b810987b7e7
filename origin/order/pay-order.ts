// An order's way to its payment: reserved → pending → paid | failed | unknown. Each step is written down before the provider is called, so that
// whoever comes after a crash knows that money may have moved.
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import type { ChargeResult } from './payment/provider.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { readCharge } from './read-charge.ts';
import { recordOutcome } from './record-outcome.ts';

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
  if (begun.numUpdatedRows === 1n) await askProvider(deps, providers, orderId, 'charge');
}

/** Calls the provider and writes down what it says. Safe to repeat. */
export async function askProvider(
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
