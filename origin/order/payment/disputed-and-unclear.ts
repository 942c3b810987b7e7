// Records the payments that a buyer's bank disputes, and lists them and those whose outcome no provider can give.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { notFound, Refusal } from '../../errors.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db, DbOrTx, Tx } from '../../schema.ts';
import { idPattern, z } from '../../web/api/api.ts';
import { formatMoney, MoneySchema, money } from '../../web/money.ts';
import type { Issuer } from '../invoice/invoice.ts';
import { addEvents } from '../life/change-order.ts';
import { lockPayment, writeOutcome } from '../record-outcome.ts';
import type { PaymentStatus } from '../tables.ts';
import type { StripeProvider } from './stripe.ts';
import type { Dispute, DisputeNews } from './stripe-events.ts';

const exampleDispute = {
  id: 'dp_1QBd2ZLkdIwHu7ixY',
  amount: { amount: 3_998, currency: 'EUR' },
  reason: 'product_not_received',
  state: 'open',
  openedAt: '2026-12-20T10:00:00.000Z',
  dueBy: '2027-01-05T23:59:59.000Z',
};

/**
 * Records disputes: a buyer's bank asks for the money back, or has taken it. Messages may come late, twice
 * and in any order.
 */
export const DisputeSchema = z
  .object({
    id: z.string(),
    amount: MoneySchema,
    reason: z.string(),
    state: z
      .string()
      .openapi({ description: '`inquiry`, `open`, `won` or `lost`; there may be others one day' }),
    openedAt: z.iso.datetime(),
    dueBy: z.iso.datetime().optional().openapi({ description: 'Until when the bank takes evidence' }),
  })
  .openapi('OrderDispute', { example: exampleDispute });

/** @throws Refusal 503 where Stripe does not say whose payment it is; Stripe then sends the message again */
export async function recordDispute(
  deps: Pick<Deps, 'db'>,
  stripe: StripeProvider,
  { intentId, dispute }: DisputeNews,
): Promise<void> {
  const found = await stripe.findOrder(intentId).catch((cause: unknown) => {
    throw new Refusal(503, 'unavailable', 'Stripe does not say which payment this is about', {
      retryAfterSeconds: 60,
      cause,
    });
  });
  if (found === undefined) return;
  await retryOnConflict(() =>
    deps.db.transaction().execute(async (tx) => {
      // Another shop's order may have the same id, but not the same number.
      const { rows } = await sql`
        select from payments p join orders o on o.id = p.order_id
        where p.order_id = ${found.orderId} and p.provider = 'stripe' and o.number = ${found.orderNumber}
        for update of p`.execute(tx);
      if (rows.length > 0) await writeDispute(tx, found.orderId, dispute);
    }),
  );
}

const isOver = (state: Dispute['state']) => state === 'won' || state === 'lost';

async function writeDispute(tx: Tx, orderId: string, dispute: Dispute): Promise<void> {
  const { id, amount, reason, state, dueBy, openedAt, toldAt } = dispute;
  const known = await tx
    .selectFrom('disputes')
    .select(['state', 'told_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (known !== undefined) {
    const isOlder = toldAt < known.told_at || (+toldAt === +known.told_at && isOver(known.state));
    if (isOlder || known.state === state) return;
  }
  const row = { amount, reason, state, due_by: dueBy, told_at: toldAt };
  await tx
    .insertInto('disputes')
    .values({ id, order_id: orderId, opened_at: openedAt, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
  const answerBy = dueBy === null || isOver(state) ? '' : `answer by ${dueBy.toISOString().slice(0, 10)}`;
  const detail = [formatMoney(amount), reason.replaceAll('_', ' '), answerBy].filter(Boolean).join('. ');
  await addEvents(tx, orderId, [{ by: { who: 'stripe' }, what: `dispute-${state}`, detail }]);
}

export async function readDisputes(db: DbOrTx, orderId: string): Promise<z.infer<typeof DisputeSchema>[]> {
  const rows = await db
    .selectFrom('disputes')
    .selectAll()
    .where('order_id', '=', orderId)
    .orderBy('opened_at')
    .execute();
  return rows.map(({ id, amount, reason, state, opened_at: openedAt, due_by: dueBy }) => ({
    id,
    amount: money(amount),
    reason,
    state,
    openedAt: openedAt.toISOString(),
    ...(dueBy === null ? {} : { dueBy: dueBy.toISOString() }),
  }));
}

export interface WatchedPayment {
  orderId: string;
  number: string;
  /** Minor units. */
  amount: number;
  what: 'dispute' | 'authorisation';
  /** The last moment to act. */
  until: Date | null;
}

/** Staff are warned so many days before an authorisation ends, so that they ship or let it go. */
const warnDays = 2;

/**
 * Lists disputes that wait for evidence, and authorisations that end soon. Indexes: disputes_open,
 * payments_authorised.
 */
export async function listWatchedPayments(db: Db, limit: number): Promise<WatchedPayment[]> {
  const { rows } = await sql<WatchedPayment>`
    select d.order_id::text as "orderId", o.number, d.amount, 'dispute' as what, d.due_by as until
    from disputes d join orders o on o.id = d.order_id where d.state in ('inquiry', 'open')
    union all
    select p.order_id::text, o.number, o.total_amount - p.left_out_amount, 'authorisation', p.authorised_until
    from payments p join orders o on o.id = p.order_id
    where p.status = 'authorised' and o.status <> 'cancelled'
      and p.authorised_until < now() + make_interval(days => ${warnDays})
    order by until nulls last limit ${limit}`.execute(db);
  return rows;
}

/** Lists payments whose outcome no provider can give, and unfinished refunds; lets staff decide them. */
export interface UnclearPayment {
  orderId: string;
  number: string;
  placedAt: Date;
  /** Minor units. */
  total: number;
  provider: string;
  reference: string | null;
  status: PaymentStatus;
  flag: 'late-money' | 'refunded' | null;
  detail: string | null;
}

/** Oldest first. Index: payments_unclear */
export function listUnclearPayments(db: Db, limit: number): Promise<UnclearPayment[]> {
  return paymentsOfOrders(db)
    .where(isUnclear)
    .orderBy('payments.updated_at')
    .orderBy('payments.order_id')
    .limit(limit)
    .execute();
}

/** Index: payments_unclear */
export async function countUnclearPayments(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('payments')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where(isUnclear)
    .executeTakeFirstOrThrow();
  return count;
}

/** Written as in the index payments_unclear. */
const isUnclear = sql<boolean>`(payments.status = 'unknown' or payments.flag = 'late-money')`;

/** @throws Refusal 404 */
export async function readPayment(db: Db, orderId: string): Promise<UnclearPayment> {
  if (!idPattern.test(orderId)) throw notFound('This payment');
  const found = await paymentsOfOrders(db).where('payments.order_id', '=', orderId).executeTakeFirst();
  if (found === undefined) throw notFound('This payment');
  return found;
}

function paymentsOfOrders(db: Db) {
  return db
    .selectFrom('payments')
    .innerJoin('orders', 'orders.id', 'payments.order_id')
    .select([
      'payments.order_id as orderId',
      'orders.number',
      'orders.placed_at as placedAt',
      'orders.total_amount as total',
      'payments.provider',
      'payments.reference',
      'payments.status',
      'payments.flag',
      'payments.detail',
    ]);
}

export const decisions = ['paid', 'not-paid', 'paid-back'] as const;
export type PaymentDecision = (typeof decisions)[number];

/**
 * Decides only what is still unclear. An answer that arrived meanwhile is kept.
 * @returns the state before and after; undefined where there was nothing to decide
 */
export async function decidePayment(
  context: Issuer & Pick<Deps, 'now'>,
  orderId: string,
  decision: PaymentDecision,
): Promise<{ before: object; after: object } | undefined> {
  const { tx } = context;
  const payment = idPattern.test(orderId) ? await lockPayment(tx, orderId) : undefined;
  if (payment === undefined) throw notFound('This payment');
  if (decision === 'paid-back') {
    if (payment.flag !== 'late-money') return undefined;
    await tx.updateTable('payments').set({ flag: 'refunded' }).where('order_id', '=', orderId).execute();
    return { before: { money: 'late' }, after: { money: 'paid back' } };
  }
  if (payment.status !== 'unknown') return undefined;
  const status = decision === 'paid' ? 'paid' : 'failed';
  await writeOutcome(context, payment, { status, detail: 'Decided by staff' });
  return { before: { payment: payment.status }, after: { payment: status } };
}
