// The shopper is back from the provider's page before its webhook is: asks the provider, and waits a moment for the
// answer.
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { askNow, lockPayment } from './record-outcome.ts';

/** However often the page is reloaded. */
const pauseMs = 2_000;
const patienceMs = 2_500;
const lookEveryMs = 150;

/** @returns when the payment is no longer pending, or after 2.5 s */
export async function learnOutcome(deps: Pick<Deps, 'db' | 'wakeWorker'>, orderId: string): Promise<void> {
  const until = performance.now() + patienceMs;
  await deps.db.transaction().execute(async (tx) => {
    const payment = await lockPayment(tx, orderId);
    if (payment?.status !== 'pending') return;
    const { rows } = await sql`select where ${payment.updated_at}::timestamptz
      < clock_timestamp() - ${pauseMs} * interval '1 millisecond'`.execute(tx);
    if (rows.length > 0) await askNow(tx, orderId);
  });
  deps.wakeWorker();
  while (performance.now() < until) {
    const row = deps.db.selectFrom('payments').select('status').where('order_id', '=', orderId);
    if ((await row.executeTakeFirst())?.status !== 'pending') return;
    await delay(lookEveryMs);
  }
}
