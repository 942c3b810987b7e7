// What was sold in a time: by day, product, category or country; and which pieces will be sold out soon.
import { sql } from 'kysely';
import { readVariantsFresh } from '../../catalog/read-variants.ts';
import type { Db } from '../../schema.ts';

export const salesGroups = ['day', 'product', 'category', 'country'] as const;
export type SalesGroup = (typeof salesGroups)[number];

export interface SalesPeriod {
  from: Date;
  /** The first moment that is not of it. */
  to: Date;
}

export interface SalesRow {
  /** A day (ISO 8601), the name of a product, the slug of a category, or a country's two letters. */
  name: string;
  orders: number;
  pieces: number;
  /** Minor units of goods after discounts, VAT included, delivery left out. */
  amount: number;
}

/**
 * Orders count by when they were placed; cancelled ones and pieces that were withdrawn or sent back do not.
 * @returns days in their order, all others by what they brought. Index: orders_newest
 */
export async function readSales(db: Db, by: SalesGroup, period: SalesPeriod): Promise<SalesRow[]> {
  if (by === 'category') return sumByCategory(db, period);
  const name = {
    day: sql`to_char(o.placed_at at time zone 'UTC', 'YYYY-MM-DD')`,
    product: sql`max(l.name)`,
    country: sql`coalesce(o.tax_country, o.shipping_address ->> 'country', '')`,
  }[by];
  const group = by === 'product' ? sql`l.product_slug` : name;
  const order = by === 'day' ? sql`1` : sql`amount desc, 1`;
  const { rows } = await sql<Record<keyof SalesRow, string>>`
    select ${name} as name, count(distinct o.id) as orders, sum(${kept}) as pieces, sum(${worth}) as amount
    ${soldLines(period)} group by ${group} order by ${order} limit 1000`.execute(db);
  return rows.map(toRow);
}

/** Pieces that stay with the shopper. */
const kept = sql`(l.quantity - l.withdrawn - l.returned)`;
const worth = sql`round((l.quantity * l.unit_price_amount - l.discount_amount)::numeric * ${kept} / l.quantity)`;

function soldLines({ from, to }: SalesPeriod) {
  return sql`
    from orders o
    join payments p on p.order_id = o.id
    join order_lines l on l.order_id = o.id
    where o.placed_at >= ${from} and o.placed_at < ${to} and o.status <> 'cancelled'
      and (p.status = 'paid' or p.provider = 'on-delivery') and ${kept} > 0`;
}

function toRow({ name, orders, pieces, amount }: Record<keyof SalesRow, string>): SalesRow {
  return { name, orders: Number(orders), pieces: Number(pieces), amount: Number(amount) };
}

/** Each piece in the category that its product is in now. An order of two categories counts in both. */
async function sumByCategory(db: Db, period: SalesPeriod): Promise<SalesRow[]> {
  const { rows } = await sql<{ variant_id: string; orders: string[]; pieces: string; amount: string }>`
    select l.variant_id, array_agg(o.id::text) as orders, sum(${kept}) as pieces, sum(${worth}) as amount
    ${soldLines(period)} group by l.variant_id`.execute(db);
  const variants = await readVariantsFresh(
    db,
    rows.map((row) => row.variant_id),
  );
  const sums = new Map<string, SalesRow & { ids: Set<string> }>();
  for (const { variant_id: id, orders, pieces, amount } of rows) {
    const name = variants.get(id)?.categories[0] ?? 'No longer sold';
    const sum = sums.get(name) ?? { name, orders: 0, pieces: 0, amount: 0, ids: new Set() };
    for (const order of orders) sum.ids.add(order);
    sum.pieces += Number(pieces);
    sum.amount += Number(amount);
    sums.set(name, sum);
  }
  return [...sums.values()]
    .map(({ ids, ...sum }) => ({ ...sum, orders: ids.size }))
    .sort((a, b) => b.amount - a.amount || a.name.localeCompare(b.name));
}

export interface ScarceVariant {
  productId: string;
  name: string;
  sku: string;
  available: number;
  /** In the last 28 days. */
  sold: number;
  /** As long as it lasts if it goes on selling like this. */
  daysLeft: number;
}

const lookBackDays = 28;

/** What will be gone within two weeks, the first to go first. */
export async function listSellingOut(db: Db, now: Date): Promise<ScarceVariant[]> {
  const from = new Date(now.getTime() - lookBackDays * 86_400_000);
  const { rows } = await sql<{ variant_id: string; pieces: string }>`
    select l.variant_id, sum(${kept}) as pieces ${soldLines({ from, to: now })}
    group by l.variant_id order by pieces desc limit 2000`.execute(db);
  const variants = await readVariantsFresh(
    db,
    rows.map((row) => row.variant_id),
  );
  return rows
    .flatMap(({ variant_id: id, pieces }): ScarceVariant[] => {
      const info = variants.get(id);
      if (info === undefined) return [];
      const { productId, productName, color, size, sku, available } = info;
      const sold = Number(pieces);
      const name = [productName, color, size].filter(Boolean).join(', ');
      return [
        { productId, name, sku, available, sold, daysLeft: Math.floor((available * lookBackDays) / sold) },
      ];
    })
    .filter(({ daysLeft }) => daysLeft <= 14)
    .sort((a, b) => a.daysLeft - b.daysLeft || b.sold - a.sold)
    .slice(0, 100);
}
