// Moves a payment on: reserved → pending → paid | failed | unknown. Also has the worker's jobs for it.
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Db } from '../schema.ts';
import { changeOrder } from './life/change-order.ts';
import { providerMs } from './payment/provider.ts';
import { createPaymentProviders, type PaymentProviders } from './payment/providers.ts';
import { readKeptCharge } from './read-charge.ts';
import { lockPayment, type Outcome, recordOutcome, refundLateMoney } from './record-outcome.ts';

/**
 * Makes the first attempt, once: only the caller that finds the payment reserved makes it. Each step is stored before
 * the provider is called, so that after a crash the next process knows that money may have moved.
 * @returns whether this call made the attempt
 */
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
  await callProviderAndRecord(deps, providers, orderId, 'charge');
  return true;
}

const pollMs = 25;

/**
 * Waits while another request makes the attempt, at most as long as a provider may take. All then get the same
 * answer.
 */
export async function awaitAttempt(db: Db, orderId: string): Promise<void> {
  while (await isBeingAttempted(db, orderId)) await delay(pollMs);
}

/**
 * Tells whether an attempt is running. Its outcome updates the row later. An attempt whose process died is not
 * awaited.
 */
async function isBeingAttempted(db: Db, orderId: string): Promise<boolean> {
  const { rows } = await sql<{ going_on: boolean }>`
    select status = 'pending' and updated_at = attempted_at
      and attempted_at > clock_timestamp() - make_interval(secs => ${providerMs / 1_000}) as going_on
    from payments where order_id = ${orderId}`.execute(db);
  return rows[0]?.going_on === true;
}

/** Calls the provider and stores its answer. Safe to repeat. */
export async function callProviderAndRecord(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
  how: 'charge' | 'retrieve' | 'capture',
): Promise<void> {
  await recordOutcome(deps, orderId, await callProvider(deps, providers, orderId, how));
}

async function callProvider(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
  how: 'charge' | 'retrieve' | 'capture',
): Promise<Outcome> {
  const { charge, provider: name } = await readKeptCharge(deps, providers, orderId);
  const provider = providers.find(name);
  if (provider === undefined)
    return { status: 'unanswered', detail: `The settings have no keys of ${name}: it cannot be asked` };
  try {
    const result = await (provider[how]?.(charge) ?? provider.retrieve(charge));
    if (result.detail !== undefined)
      deps.log.warn(
        { orderId, provider: name, status: result.status, detail: result.detail },
        'a payment is not as it should be',
      );
    return result;
  } catch (error) {
    // A missing answer is not a refusal: the money may have been taken.
    deps.log.warn({ err: error, orderId, provider: name }, 'a payment provider did not answer');
    return { status: 'unanswered', detail: `No answer: ${error instanceof Error ? error.message : error}` };
  }
}

/**
 * The worker's job for a payment: makes a missing attempt, retrieves an earlier outcome, and refunds late money. Safe
 * to repeat.
 */
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

/**
 * Cancels an order whose payment was never attempted, so that its stock is free again. Once an attempt has begun,
 * money may have moved, and only the payment's outcome ends the hold.
 */
export async function expireHold(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  orderId: string,
): Promise<void> {
  await retryOnConflict(() =>
    db.transaction().execute(async (tx) => {
      const payment = await lockPayment(tx, orderId);
      if (payment?.status !== 'reserved' || payment.attempted_at !== null) return;
      await changeOrder({ tx, settings }, orderId, {
        deed: { what: 'payment', to: 'failed' },
        by: { who: 'shop' },
        detail: 'Not paid in time',
      });
    }),
  );
}
