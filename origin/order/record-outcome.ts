// What a provider said becomes what the order is: told by an answer, by the job that asked, or by a webhook, in any order and more than once.
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Tx } from '../postgres/database.ts';
import { retryOnConflict } from '../postgres/retry-on-conflict.ts';
import { cancelOrder } from './cancel-order.ts';
import { flagLateMoney } from './late-money.ts';
import { requestOrderMail } from './order-mail.ts';
import type { ChargeResult } from './payment/provider.ts';
import type { PaymentStatus } from './tables.ts';

const askAgainSeconds = 30;

/** What may follow upon what; anything else arrived late or twice and changes nothing. */
const next: Record<PaymentStatus, PaymentStatus[]> = {
  reserved: ['pending', 'paid', 'failed', 'unknown'],
  pending: ['paid', 'failed', 'unknown'],
  unknown: ['paid', 'failed', 'pending'],
  paid: [],
  failed: [],
};

/** What a message that came by itself says of the payment: it may be about something else that was sold through the same account. */
export interface Claim {
  provider: string;
  /** Minor units; undefined where it does not say. */
  amount: number | undefined;
}

/** @param claim for webhooks: where it does not fit the order's payment, nothing is written */
export async function recordOutcome(
  deps: Pick<Deps, 'db' | 'hintWorker'>,
  orderId: string,
  result: ChargeResult,
  claim?: Claim,
): Promise<void> {
  await retryOnConflict(() =>
    deps.db.transaction().execute((tx) => writeOutcome(tx, orderId, result, claim)),
  );
  deps.hintWorker();
}

async function writeOutcome(
  tx: Tx,
  orderId: string,
  { status, reference, redirectUrl }: ChargeResult,
  claim: Claim | undefined,
): Promise<void> {
  const payment = await tx
    .selectFrom('payments')
    .select(['status', 'provider', 'flag', 'reference'])
    .where('order_id', '=', orderId)
    .forUpdate()
    .executeTakeFirst();
  if (payment === undefined) return;
  if (claim !== undefined && !(await fits(tx, orderId, claim, payment, reference))) return;
  if (payment.status === 'failed' && status === 'paid')
    return flagLateMoney(tx, orderId, payment.flag, reference);
  const changes = next[payment.status].includes(status);
  if (!changes && payment.status !== status) return;
  await tx
    .updateTable('payments')
    .set({
      status,
      updated_at: sql`clock_timestamp()`,
      ...(reference ? { reference } : {}),
      redirect_url: status === 'pending' ? (redirectUrl ?? null) : null,
    })
    .where('order_id', '=', orderId)
    .execute();
  if (changes && status === 'failed') await cancelOrder(tx, orderId);
  if (changes && status === 'paid') {
    await tx.updateTable('orders').set({ status: 'paid' }).where('id', '=', orderId).execute();
  }
  // An attempt is pending already before its outcome is: that it is to be paid at the door is news once, when there is no reference yet.
  const confirmedNow =
    payment.provider === 'on-delivery' && status === 'pending' && payment.reference === null;
  if ((changes && status === 'paid') || confirmedNow) await requestOrderMail(tx, orderId);
  const open = status === 'unknown' || (status === 'pending' && payment.provider !== 'on-delivery');
  if (open && !(await willBeAskedAgain(tx, orderId)))
    await addToOutbox(
      tx,
      'settle-payment',
      { orderId },
      { dueAt: new Date(Date.now() + askAgainSeconds * 1_000) },
    );
}

/** One question after another for each order: every answer that leaves it open would begin a line of its own. Index: outbox_unfinished. */
async function willBeAskedAgain(tx: Tx, orderId: string): Promise<boolean> {
  const { rows } = await sql`
    select from outbox
    where state = 'pending' and due_at > clock_timestamp()
      and kind = 'settle-payment' and payload ->> 'orderId' = ${orderId}
    limit 1`.execute(tx);
  return rows.length > 0;
}

async function fits(
  tx: Tx,
  orderId: string,
  claim: Claim,
  payment: { provider: string; reference: string | null },
  reference: string | undefined,
): Promise<boolean> {
  if (payment.provider !== claim.provider) return false;
  if (payment.reference !== null && payment.reference !== reference) return false;
  if (claim.amount === undefined) return true;
  const order = await tx
    .selectFrom('orders')
    .select('total_amount')
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  return order.total_amount === claim.amount;
}
