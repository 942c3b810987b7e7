// Keeps promotion codes in Postgres.
// Staff write them, an order uses one in its transaction, and a cancelled order gives its use back.
import { type Selectable, sql } from 'kysely';
import { notFound, Refusal } from '../errors.ts';
import { isUniqueViolation } from '../postgres/postgres-errors.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';
import { money } from '../web/money.ts';
import {
  addFaults,
  type JudgedPromotion,
  normaliseCode,
  type Promotion,
  type PromotionPatch,
  type PromotionToWrite,
  requireHolding,
} from './promotion.ts';
import type { CheckoutTables } from './tables.ts';

type Row = Selectable<CheckoutTables['promotions']>;

export interface PromotionCustomer {
  /** Undefined until it was entered. */
  email: string | undefined;
  accountId: string | undefined;
}

const mostListed = 500;

/** Newest first. */
export async function listPromotions(db: DbOrTx): Promise<Promotion[]> {
  const rows = await db
    .selectFrom('promotions')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(mostListed)
    .execute();
  return rows.map(toPromotion);
}

/** @throws Refusal 404 */
export async function readPromotion(db: DbOrTx, id: string): Promise<Promotion> {
  return toPromotion(await findById(db, id));
}

/** @throws Refusal 409 `code-taken` */
export async function createPromotion(tx: Tx, promotion: PromotionToWrite): Promise<Promotion> {
  const row = await tx
    .insertInto('promotions')
    .values({
      code: promotion.code,
      kind: promotion.kind,
      value: promotion.value,
      min_total_amount: promotion.minTotal ?? null,
      starts_at: promotion.startsAt ?? null,
      ends_at: promotion.endsAt ?? null,
      uses: promotion.uses ?? null,
      uses_per_customer: promotion.usesPerCustomer ?? null,
      categories: promotion.categories ?? null,
      products: promotion.products ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch(refuseTakenCode);
  return toPromotion(row);
}

/** @throws Refusal 404, 409 `code-taken`, 422 `invalid-body` where the members do not fit together */
export async function changePromotion(tx: Tx, id: string, patch: PromotionPatch): Promise<Promotion> {
  const before = await findById(tx, id, true);
  const row = await tx
    .updateTable('promotions')
    .set({
      code: patch.code ?? before.code,
      kind: patch.kind ?? before.kind,
      value: patch.value ?? before.value,
      min_total_amount: patch.minTotal === undefined ? before.min_total_amount : patch.minTotal,
      starts_at: patch.startsAt === undefined ? before.starts_at : patch.startsAt,
      ends_at: patch.endsAt === undefined ? before.ends_at : patch.endsAt,
      uses: patch.uses === undefined ? before.uses : patch.uses,
      uses_per_customer:
        patch.usesPerCustomer === undefined ? before.uses_per_customer : patch.usesPerCustomer,
      categories: patch.categories === undefined ? before.categories : patch.categories,
      products: patch.products === undefined ? before.products : patch.products,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch(refuseTakenCode);
  addFaults({ ...row, startsAt: row.starts_at, endsAt: row.ends_at }, ({ path, message }) => {
    const fault = { pointer: `#/${path[0]}`, field: path[0], message };
    throw new Refusal(422, 'invalid-body', `${path[0]} ${message}`, { details: { faults: [fault] } });
  });
  return toPromotion(row);
}

/** Deletes a promotion. Orders that used it keep their discount. @throws Refusal 404 */
export async function deletePromotion(tx: Tx, id: string): Promise<Promotion> {
  const row = await findById(tx, id, true);
  await tx.deleteFrom('promotions').where('id', '=', id).execute();
  return toPromotion(row);
}

/**
 * Finds the promotion of a code and checks it, without using it.
 * @throws Refusal 422 `promotion-refused`
 */
export async function findHolding(
  db: DbOrTx,
  code: string,
  { customer, ...judged }: Omit<JudgedPromotion, 'usedByCustomer'> & { customer: PromotionCustomer },
): Promise<Promotion> {
  const row = await db
    .selectFrom('promotions')
    .selectAll()
    .where('code', '=', normaliseCode(code))
    .executeTakeFirst();
  const usedByCustomer = row === undefined ? 0 : await countUses(db, row, customer);
  return requireHolding(row && toPromotion(row), { ...judged, usedByCustomer });
}

/**
 * Uses a code once. Its row stays locked until the order commits, so that concurrent orders are counted one after
 * another. The lock must be taken after those of variants.
 * @throws Refusal 422 `promotion-refused`
 */
export async function takePromotion(
  tx: Tx,
  code: string,
  { customer, ...judged }: Omit<JudgedPromotion, 'usedByCustomer'> & { customer: PromotionCustomer },
): Promise<Promotion> {
  const row = await tx
    .selectFrom('promotions')
    .selectAll()
    .where('code', '=', normaliseCode(code))
    .forNoKeyUpdate()
    .executeTakeFirst();
  const usedByCustomer = row === undefined ? 0 : await countUses(tx, row, customer);
  const promotion = requireHolding(row && toPromotion(row), { ...judged, usedByCustomer });
  await tx.updateTable('promotions').set({ used: sql`used + 1` }).where('id', '=', promotion.id).execute();
  return promotion;
}

/** Called once the order has its id, in the same transaction. */
export async function recordUse(
  tx: Tx,
  promotionId: string,
  orderId: string,
  { email, accountId }: PromotionCustomer,
): Promise<void> {
  await tx
    .insertInto('promotion_uses')
    .values({
      order_id: orderId,
      promotion_id: promotionId,
      customer: email?.toLowerCase() ?? null,
      account_id: accountId ?? null,
    })
    .execute();
}

/** Called when an order is cancelled, after its stock was given back. Safe to repeat: the use is given back once. */
export async function giveBackUse(tx: Tx, orderId: string): Promise<void> {
  const given = await tx
    .deleteFrom('promotion_uses')
    .where('order_id', '=', orderId)
    .returning('promotion_id')
    .executeTakeFirst();
  if (given === undefined) return;
  await tx
    .updateTable('promotions')
    .set({ used: sql`greatest(used - 1, 0)` })
    .where('id', '=', given.promotion_id)
    .execute();
}

/** Counts orders of the same e-mail or the same account as uses by one customer. */
async function countUses(
  db: DbOrTx,
  { id, uses_per_customer: limit }: Row,
  { email, accountId }: PromotionCustomer,
): Promise<number> {
  if (limit === null || (email === undefined && accountId === undefined)) return 0;
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from (
      select order_id from promotion_uses
      where promotion_id = ${id} and customer = ${email?.toLowerCase() ?? null}
      union
      select order_id from promotion_uses
      where promotion_id = ${id} and account_id = ${accountId ?? null}::bigint
    ) uses`.execute(db);
  return rows[0]!.count;
}

async function findById(db: DbOrTx, id: string, isLocked = false): Promise<Row> {
  const query = db.selectFrom('promotions').selectAll().where('id', '=', id);
  const row = idPattern.test(id)
    ? await (isLocked ? query.forUpdate() : query).executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This promotion');
  return row;
}

function refuseTakenCode(error: unknown): never {
  if (isUniqueViolation(error)) throw new Refusal(409, 'code-taken', 'There is a promotion with this code');
  throw error;
}

function toPromotion(row: Row): Promotion {
  return {
    id: row.id,
    code: row.code,
    kind: row.kind,
    value: row.value,
    ...(row.min_total_amount === null ? {} : { minTotal: money(row.min_total_amount) }),
    ...(row.starts_at === null ? {} : { startsAt: row.starts_at.toISOString() }),
    ...(row.ends_at === null ? {} : { endsAt: row.ends_at.toISOString() }),
    ...(row.uses === null ? {} : { uses: row.uses }),
    ...(row.uses_per_customer === null ? {} : { usesPerCustomer: row.uses_per_customer }),
    ...(row.categories === null ? {} : { categories: row.categories }),
    ...(row.products === null ? {} : { products: row.products }),
    used: row.used,
  };
}
