// Plans and stops the sales of a product: a lower price with a start and an end.
// Staff do so here; turn-sales.ts begins and ends them.
import { z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { notFound, Refusal } from '../../errors.ts';
import type { DbOrTx, Tx } from '../../schema.ts';
import { growingEnum, idPattern } from '../../web/api/api.ts';
import { type Money, MoneySchema, MoneyToWriteSchema, money } from '../../web/money.ts';
import { isId } from '../tags.ts';
import {
  endSale,
  lockProducts,
  readOpenSales,
  refreshFlip,
  type SaleRow,
  turnProduct,
} from './turn-sales.ts';

export const exampleSale = {
  id: '5',
  price: { amount: 1_499, currency: 'EUR' as const },
  startsAt: '2026-12-26T00:00:00.000Z',
  endsAt: '2027-01-07T00:00:00.000Z',
  state: 'planned' as const,
};

export const SaleSchema = z
  .object({
    id: z.string(),
    price: MoneySchema.openapi({ description: 'Of all variants, but for those that cost less' }),
    startsAt: z.iso.datetime(),
    endsAt: z.iso.datetime().optional().openapi({ description: 'Absent: until somebody ends it' }),
    state: growingEnum(['planned', 'running', 'ended', 'cancelled']),
    was: MoneySchema.optional().openapi({
      description: 'The lowest price of the 30 days before it began; absent where that was not higher',
    }),
  })
  .openapi('Sale', { example: exampleSale });

export type Sale = z.infer<typeof SaleSchema>;

const Time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

export const SaleToWriteSchema = z
  .strictObject({
    price: MoneyToWriteSchema,
    startsAt: Time.nullish()
      .transform((time) => time ?? undefined)
      .openapi({ description: 'Absent: now' }),
    endsAt: Time.nullish()
      .transform((time) => time ?? undefined)
      .openapi({ description: 'Absent: until somebody ends it' }),
  })
  .openapi('SaleToWrite', {
    example: { price: exampleSale.price, startsAt: '2099-12-26T00:00:00Z', endsAt: '2100-01-07T00:00:00Z' },
  });

export type SaleToWrite = z.infer<typeof SaleToWriteSchema>;

export const SalePatchSchema = z
  .strictObject({
    price: MoneyToWriteSchema.optional().openapi({ description: 'Of a planned sale' }),
    startsAt: Time.optional().openapi({ description: 'Of a planned sale' }),
    endsAt: Time.nullable()
      .optional()
      .openapi({ description: 'Later or earlier, but not in the past; null: until somebody ends it' }),
  })
  .openapi('SalePatch', { example: { endsAt: '2100-01-14T00:00:00Z' } });

export type SalePatch = z.infer<typeof SalePatchSchema>;

const mostListed = 50;

/** Lists the latest sale first. @throws Refusal 404 */
export async function listSales(db: DbOrTx, productId: string): Promise<Sale[]> {
  await requireProduct(db, productId);
  const rows = await db
    .selectFrom('product_sales')
    .selectAll()
    .where('product_id', '=', productId)
    .orderBy('starts_at', 'desc')
    .orderBy('id', 'desc')
    .limit(mostListed)
    .execute();
  return rows.map(toSale);
}

export interface EndedPrice {
  price: Money;
  /** Undefined where the start is older than the kept history. */
  from?: string;
  until: string;
  /** Variants that had this price. */
  variants: number;
}

/** Lists the former prices of a product's variants, the latest first. */
export async function listPrices(db: DbOrTx, productId: string): Promise<EndedPrice[]> {
  const { rows } = await sql<{ amount: number; since: Date | null; until: Date; variants: number }>`
    select h.amount, h.since, h.until, count(*)::integer as variants
    from variants v join variant_prices h on h.variant_id = v.id
    where v.product_id = ${productId}
    group by h.amount, h.since, h.until order by h.until desc, h.amount limit ${mostListed}`.execute(db);
  return rows.map(({ amount, since, until, variants }) => ({
    price: money(amount),
    ...(since === null ? {} : { from: since.toISOString() }),
    until: until.toISOString(),
    variants,
  }));
}

/** A changed sale, and the tags that the caller invalidates. */
export interface SaleChange {
  sale: Sale;
  tags: TagVersions;
}

/** A start that passed less than this ago counts as now, because forms and networks take time. */
const lateMs = 60_000;

/**
 * @throws Refusal 404; 409 `sale-overlaps`; 422 `invalid-body` for a sale in the past, an end before its start or a
 * price that is not lower
 */
export async function planSale(
  tx: Tx,
  productId: string,
  { sale, nowMs }: { sale: SaleToWrite; nowMs: number },
): Promise<SaleChange> {
  await requireProduct(tx, productId);
  await lockProducts(tx, [productId]);
  const turned = await turnProduct(tx, productId, nowMs);
  const asked = sale.startsAt?.getTime() ?? nowMs;
  const startsAt = new Date(Math.max(asked, nowMs));
  if (asked < nowMs - lateMs) throw wrong('startsAt', 'must not be in the past');
  const { endsAt } = sale;
  if (endsAt !== undefined && endsAt <= startsAt)
    throw wrong('endsAt', 'must be later than the start, and than now');
  if (sale.price.amount >= (await readRegularPrice(tx, productId)))
    throw wrong('price', 'must be lower than the price');
  for (const other of await readOpenSales(tx, productId))
    if (overlaps(other, startsAt, endsAt)) throw overlap(other);
  const { id } = await tx
    .insertInto('product_sales')
    .values({
      product_id: productId,
      price_amount: sale.price.amount,
      starts_at: startsAt,
      ends_at: endsAt ?? null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const begun = await turnProduct(tx, productId, nowMs);
  const tags = Object.keys(begun).length > 0 ? begun : await refreshFlip(tx, productId);
  return { sale: toSale(await readSale(tx, productId, id)), tags: { ...turned, ...tags } };
}

/**
 * A planned sale may change in every member, a running one only in its end.
 * @throws Refusal 404; 409 `sale-over`, `sale-overlaps`; 422 `invalid-body`
 */
export async function changeSale(
  tx: Tx,
  productId: string,
  { saleId, patch, nowMs }: { saleId: string; patch: SalePatch; nowMs: number },
): Promise<SaleChange & { before: Sale }> {
  await requireProduct(tx, productId);
  await lockProducts(tx, [productId]);
  const turned = await turnProduct(tx, productId, nowMs);
  const row = await readSale(tx, productId, saleId);
  if (row.state !== 'planned' && row.state !== 'running') throw saleOver();
  const startsAt = readNewStart(row, patch, nowMs);
  const endsAt = patch.endsAt === undefined ? row.ends_at : patch.endsAt;
  if (endsAt !== null && endsAt <= new Date(Math.max(startsAt.getTime(), nowMs)))
    throw wrong('endsAt', 'must be later than the start, and than now');
  const price = patch.price?.amount ?? row.price_amount;
  if (price !== row.price_amount && row.state === 'running')
    throw wrong('price', 'cannot change while the sale runs; end it and plan another');
  if (price !== row.price_amount && price >= (await readRegularPrice(tx, productId)))
    throw wrong('price', 'must be lower than the price');
  for (const other of await readOpenSales(tx, productId))
    if (other.id !== saleId && overlaps(other, startsAt, endsAt ?? undefined)) throw overlap(other);
  await tx
    .updateTable('product_sales')
    .set({ price_amount: price, starts_at: startsAt, ends_at: endsAt })
    .where('id', '=', saleId)
    .execute();
  const begun = await turnProduct(tx, productId, nowMs);
  const tags = Object.keys(begun).length > 0 ? begun : await refreshFlip(tx, productId);
  const sale = toSale(await readSale(tx, productId, saleId));
  return { sale, tags: { ...turned, ...tags }, before: toSale(row) };
}

function readNewStart({ state, starts_at }: SaleRow, { startsAt }: SalePatch, nowMs: number): Date {
  if (startsAt === undefined || startsAt.getTime() === starts_at.getTime()) return starts_at;
  if (state === 'running') throw wrong('startsAt', 'cannot change, as the sale has begun');
  if (startsAt.getTime() < nowMs - lateMs) throw wrong('startsAt', 'must not be in the past');
  return new Date(Math.max(startsAt.getTime(), nowMs));
}

function saleOver(): Refusal {
  return new Refusal(409, 'sale-over', 'This sale is over');
}

/**
 * Ends a running sale now, or cancels a planned one.
 * @throws Refusal 404; 409 `sale-over`
 */
export async function stopSale(
  tx: Tx,
  productId: string,
  { saleId, nowMs }: { saleId: string; nowMs: number },
): Promise<SaleChange & { before: Sale }> {
  await requireProduct(tx, productId);
  await lockProducts(tx, [productId]);
  await turnProduct(tx, productId, nowMs);
  const row = await readSale(tx, productId, saleId);
  if (row.state === 'running') await endSale(tx, row, new Date(nowMs));
  else if (row.state === 'planned')
    await tx
      .updateTable('product_sales')
      .set({ state: 'cancelled', ended_at: new Date(nowMs) })
      .where('id', '=', saleId)
      .execute();
  else throw saleOver();
  const tags = await refreshFlip(tx, productId);
  return { sale: toSale(await readSale(tx, productId, saleId)), tags, before: toSale(row) };
}

function overlaps(other: SaleRow, startsAt: Date, endsAt: Date | undefined): boolean {
  const isAfter = other.ends_at !== null && startsAt >= other.ends_at;
  const isBefore = endsAt !== undefined && endsAt <= other.starts_at;
  return !isAfter && !isBefore;
}

function overlap({ id, starts_at, ends_at }: SaleRow): Refusal {
  const minutes = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const until = ends_at === null ? 'without an end' : `until ${minutes(ends_at)}`;
  return new Refusal(409, 'sale-overlaps', `There is a sale from ${minutes(starts_at)} ${until}`, {
    details: { saleId: id },
  });
}

function wrong(field: string, message: string): Refusal {
  return new Refusal(422, 'invalid-body', `${field} ${message}`, {
    details: { faults: [{ field, message }] },
  });
}

/** Reads the lowest regular price among the variants that are on sale. */
async function readRegularPrice(tx: Tx, productId: string): Promise<number> {
  const rows = await tx
    .selectFrom('variants')
    .select(['price_amount', 'regular_amount'])
    .where('product_id', '=', productId)
    .where('archived_at', 'is', null)
    .execute();
  return Math.min(...rows.map((row) => row.regular_amount ?? row.price_amount));
}

async function readSale(tx: Tx, productId: string, id: string): Promise<SaleRow> {
  const row = idPattern.test(id)
    ? await tx
        .selectFrom('product_sales')
        .selectAll()
        .where('id', '=', id)
        .where('product_id', '=', productId)
        .executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This sale');
  return row;
}

async function requireProduct(db: DbOrTx, id: string): Promise<void> {
  const row = isId(id)
    ? await db.selectFrom('products').select('id').where('id', '=', id).executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This product');
}

function toSale(row: SaleRow): Sale {
  const endsAt = row.ended_at ?? row.ends_at;
  return {
    id: row.id,
    price: money(row.price_amount),
    startsAt: row.starts_at.toISOString(),
    ...(endsAt === null ? {} : { endsAt: endsAt.toISOString() }),
    state: row.state,
    ...(row.was_amount === null ? {} : { was: money(row.was_amount) }),
  };
}
