// Records disputes: a buyer's bank asks for the money back, or has taken it. Messages may come late, twice and in any
// order.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { Refusal } from '../../errors.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db, DbOrTx, Tx } from '../../schema.ts';
import { z } from '../../web/api/api.ts';
import { formatMoney, MoneySchema, money } from '../../web/money.ts';
import { addEvents } from '../life/change-order.ts';
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
