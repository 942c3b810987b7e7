// Lists payments whose outcome no provider can give, and unfinished refunds; lets staff decide them.
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import type { Db } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';
import type { Issuer } from './invoice/invoice.ts';
import { lockPayment, writeOutcome } from './record-outcome.ts';
import type { PaymentStatus } from './tables.ts';

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

/** As the index has it. */
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
 * Only what is unclear is decided: an answer that came meanwhile stands.
 * @returns what was before and is after; undefined where there was nothing to decide
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
