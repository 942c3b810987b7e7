// An order's way to its payment: reserved → pending → paid | failed | unknown. Each step is written down before the provider is called, so that
// whoever comes after a crash knows that money may have moved.
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import type { Db } from '../postgres/database.ts';
import { type ChargeResult, providerMs } from './payment/provider.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { readCharge } from './read-charge.ts';
import { recordOutcome } from './record-outcome.ts';

/** The first attempt, once: whoever finds the payment reserved makes it. @returns whether that was here */
export async function attemptPayment(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
): Promise<boolean> {
  const begun = await deps.db
    .updateTable('payments')
    .set({ status: 'pending', attempted_at: sql`now()`, updated_at: sql`now()` })
    .where('order_id', '=', orderId)
    .where('status', '=', 'reserved')
    .executeTakeFirst();
  if (begun.numUpdatedRows === 0n) return false;
  await askProvider(deps, providers, orderId, 'charge');
  return true;
}

const pollMs = 25;

/** Waits while another request makes the attempt, so that one key is answered alike however many ask; as long as a provider may take. */
export async function awaitAttempt(db: Db, orderId: string): Promise<void> {
  while (await isBeingAttempted(db, orderId)) await delay(pollMs);
}

/** What the provider said is written down later than the attempt; who made it and died is not waited for. */
async function isBeingAttempted(db: Db, orderId: string): Promise<boolean> {
  const { rows } = await sql<{ going_on: boolean }>`
    select status = 'pending' and updated_at = attempted_at
      and attempted_at > clock_timestamp() - make_interval(secs => ${providerMs / 1_000}) as going_on
    from payments where order_id = ${orderId}`.execute(db);
  return rows[0]?.going_on === true;
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
