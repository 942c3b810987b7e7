// Pays each refund back once, and ends the payment of an order that was cancelled before it was paid.
// Each attempt is stored before the provider is called. An unknown outcome is asked for again.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { notFound } from '../../errors.ts';
import { addToOutbox } from '../../outbox/events.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db } from '../../schema.ts';
import { idPattern } from '../../web/api/api.ts';
import type { Issuer } from '../invoice/invoice.ts';
import { callProviderAndRecord } from '../pay-order.ts';
import { providerMs, type RefundResult } from '../payment/provider.ts';
import type { PaymentProviders } from '../payment/providers.ts';
import { readCharge, readKeptCharge } from '../read-charge.ts';
import { changeOrder } from './change-order.ts';

/** Runs right after the deed that owes a refund. The worker repeats whatever fails here. */
export async function payBackSoon(deps: Deps, providers: PaymentProviders, orderId: string): Promise<void> {
  await payBack(deps, providers, orderId).catch((error: unknown) =>
    deps.log.warn({ err: error, orderId }, 'a refund is left to the worker'),
  );
}

/** Safe to repeat, and to run twice at the same time. */
export async function payBack(deps: Deps, providers: PaymentProviders, orderId: string): Promise<void> {
  await endPayment(deps, providers, orderId);
  for (const refund of await claimRefunds(deps, orderId)) {
    const result = await callProvider(deps, providers, orderId, refund);
    await retryOnConflict(() =>
      deps.db
        .transaction()
        .execute((tx) => record({ tx, settings: deps.settings }, orderId, refund.id, result)),
    );
  }
  await askAgainLater(deps, orderId);
  deps.wakeWorker();
}

async function record(
  issuer: Issuer,
  orderId: string,
  refundId: string,
  { status, reference, detail = '' }: RefundResult,
): Promise<void> {
  await changeOrder(issuer, orderId, {
    deed: { what: 'refund-outcome', refund: refundId, to: status },
    by: { who: 'shop' },
    detail,
  });
  await issuer.tx
    .updateTable('refunds')
    .set({ detail: detail.slice(0, 500) || null, ...(reference ? { reference } : {}) })
    .where('id', '=', refundId)
    .where('order_id', '=', orderId)
    .execute();
}

/** Pays back at once when staff ask for it. */
export async function askRefundAgain(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
): Promise<void> {
  if (!idPattern.test(orderId)) throw notFound('This order');
  await payBackSoon(deps, providers, orderId);
}

/** Reads the reason why each open refund of an order is not done, by the refund's id. */
export async function refundFaultsOf(db: Db, orderId: string): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('refunds')
    .select(['id', 'detail'])
    .where('order_id', '=', orderId)
    .where('status', '<>', 'done')
    .execute();
  return new Map(rows.map(({ id, detail }) => [id, detail ?? '']));
}

interface ClaimedRefund {
  id: string;
  amount: number;
  provider_key: string;
  isRepeated: boolean;
}

/** Claims refunds, so that no second process asks for one while the first may still wait for the answer. */
async function claimRefunds({ db }: Pick<Deps, 'db'>, orderId: string): Promise<ClaimedRefund[]> {
  const { rows } = await sql<ClaimedRefund>`
    update refunds r set attempted_at = clock_timestamp()
    from (select id, attempted_at from refunds where order_id = ${orderId} and status <> 'done'
      order by id for update) before
    where r.id = before.id
      and coalesce(before.attempted_at < clock_timestamp() - make_interval(secs => ${(2 * providerMs) / 1_000}), true)
    returning r.id, r.amount, r.provider_key, before.attempted_at is not null as "isRepeated"`.execute(db);
  return rows;
}

async function callProvider(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
  { amount, provider_key: key, isRepeated }: ClaimedRefund,
): Promise<RefundResult> {
  const { charge, provider: name } = await readCharge(deps.db, orderId);
  const provider = providers.find(name);
  if (provider === undefined)
    return { status: 'unknown', detail: `The settings have no keys of ${name}: it cannot pay back` };
  try {
    return await provider.payBack(charge, { amount, key, isRepeated });
  } catch (error) {
    // A missing answer is not a refusal: the money may have left.
    deps.log.warn({ err: error, orderId, provider: name }, 'a payment provider did not answer');
    return { status: 'unknown', detail: `No answer: ${error instanceof Error ? error.message : error}` };
  }
}

/** Ends the open payment of a cancelled order: closes the provider's page, then asks for the outcome. */
async function endPayment(deps: Deps, providers: PaymentProviders, orderId: string): Promise<void> {
  if (!(await holdsStock(deps, orderId))) return;
  // The answer to the first attempt may have been lost. Retrieving stores the reference of its page.
  await callProviderAndRecord(deps, providers, orderId, 'retrieve');
  if (!(await holdsStock(deps, orderId))) return;
  const { charge, provider: name } = await readKeptCharge(deps, providers, orderId);
  await providers.find(name)?.close?.(charge);
  await callProviderAndRecord(deps, providers, orderId, 'retrieve');
}

async function holdsStock({ db }: Pick<Deps, 'db'>, orderId: string): Promise<boolean> {
  const row = await db
    .selectFrom('orders')
    .select('holds_stock')
    .where('id', '=', orderId)
    .executeTakeFirst();
  return row?.holds_stock === true;
}

const shortestPauseMs = 30_000;
const longestPauseMs = 6 * 3_600_000;

/** Keeps one pending row for each order, with growing pauses. Indexes: refunds_by_order, outbox_pay_backs. */
async function askAgainLater({ db, now }: Pick<Deps, 'db' | 'now'>, orderId: string): Promise<void> {
  const { rows } = await sql<{ ageMs: number }>`
    select extract(epoch from clock_timestamp() - min(at))::float * 1000 as "ageMs" from refunds
    where order_id = ${orderId} and status <> 'done'
    having count(*) > 0 and not exists (
      select from outbox
      where state = 'pending' and due_at > clock_timestamp()
        and kind = 'pay-back' and payload ->> 'orderId' = ${orderId})`.execute(db);
  if (rows[0] === undefined) return;
  const pauseMs = Math.min(Math.max(rows[0].ageMs / 2, shortestPauseMs), longestPauseMs);
  await db
    .transaction()
    .execute((tx) => addToOutbox(tx, 'pay-back', { orderId }, { dueAt: new Date(now() + pauseMs) }));
}
