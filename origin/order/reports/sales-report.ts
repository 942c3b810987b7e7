// Reports what was sold in a period, by day, product, category or country, and which variants will be sold out soon.
import { sql } from 'kysely';
import { readVariantsFresh } from '../../catalog/read-variants.ts';
import type { Db } from '../../schema.ts';

export const salesGroups = ['day', 'product', 'category', 'country'] as const;
export type SalesGroup = (typeof salesGroups)[number];

export interface SalesPeriod {
  from: Date;
  /** The first moment after the period. */
  to: Date;
}

export interface SalesRow {
  /** A day (ISO 8601), the name of a product, the slug of a category, or a country's two letters. */
  name: string;
  orders: number;
  pieces: number;
  /** Minor units of goods after discounts, with VAT and without delivery. */
  amount: number;
}

/**
 * Counts orders by when they were placed. Cancelled orders, and pieces that were withdrawn or sent back, do not
 * count.
 * @returns days in their order, all others by amount. Index: orders_newest
 */
export async function readSales(db: Db, by: SalesGroup, period: SalesPeriod): Promise<SalesRow[]> {
  if (by === 'category') return sumByCategory(db, period);
  const name = {
    day: sql`to_char(o.placed_at at time zone 'UTC', 'YYYY-MM-DD')`,
    product: sql`max(l.name)`,
    country: sql`coalesce(o.tax_country, o.shipping_address ->> 'country', '')`,
  }[by];
  const group = by === 'product' ? sql`l.product_slug` : name;
  const sums = new Map<string, SalesRow>();
  for (const part of partsOf(period)) {
    const { rows } = await sql<Record<keyof SalesRow | 'key', string>>`
      select ${group} as key, ${name} as name, count(distinct o.id) as orders, sum(${kept}) as pieces,
        sum(${worth}) as amount
      ${soldLines(part)} group by ${group}`.execute(db);
    for (const { key, ...row } of rows) addTo(sums, key, toRow(row));
  }
  const sorted = [...sums.values()].sort(
    by === 'day' ? byName : (a, b) => b.amount - a.amount || byName(a, b),
  );
  return sorted.slice(0, mostRows);
}

const mostRows = 1_000;
const byName = (a: SalesRow, b: SalesRow) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const dayMs = 86_400_000;
const daysOfPart = 14;

/**
 * Splits the period into parts of two weeks at most, so that no statement takes long. An order is in exactly one
 * part.
 */
export function* partsOf({ from, to }: SalesPeriod): Generator<SalesPeriod> {
  for (let at = from.getTime(); at < to.getTime(); at += daysOfPart * dayMs)
    yield { from: new Date(at), to: new Date(Math.min(at + daysOfPart * dayMs, to.getTime())) };
}

/** Adds to a sum, and takes the newest part's name of a product. */
function addTo(sums: Map<string, SalesRow>, key: string, { name, orders, pieces, amount }: SalesRow): void {
  const sum = sums.get(key) ?? { name, orders: 0, pieces: 0, amount: 0 };
  sums.set(key, {
    name,
    orders: sum.orders + orders,
    pieces: sum.pieces + pieces,
    amount: sum.amount + amount,
  });
}

/** Pieces that the shopper keeps. */
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

/** Counts each piece in its product's present category. An order of two categories counts in both. */
async function sumByCategory(db: Db, period: SalesPeriod): Promise<SalesRow[]> {
  const sums = new Map<string, SalesRow>();
  for (const part of partsOf(period)) {
    const { rows } = await sql<{ variant_id: string; orders: string[]; pieces: string; amount: string }>`
      select l.variant_id, array_agg(o.id::text) as orders, sum(${kept}) as pieces, sum(${worth}) as amount
      ${soldLines(part)} group by l.variant_id`.execute(db);
    const variants = await readVariantsFresh(
      db,
      rows.map((row) => row.variant_id),
    );
    const seen = new Map<string, Set<string>>();
    for (const { variant_id: id, orders, pieces, amount } of rows) {
      const name = variants.get(id)?.categories[0] ?? 'No longer sold';
      const ids = seen.get(name) ?? new Set();
      const before = ids.size;
      for (const order of orders) ids.add(order);
      seen.set(name, ids);
      addTo(sums, name, {
        name,
        orders: ids.size - before,
        pieces: Number(pieces),
        amount: Number(amount),
      });
    }
  }
  return [...sums.values()].sort((a, b) => b.amount - a.amount || a.name.localeCompare(b.name));
}

export interface ScarceVariant {
  productId: string;
  name: string;
  sku: string;
  available: number;
  /** Pieces sold in the last 28 days. */
  sold: number;
  /** How many days the stock lasts at the present rate. */
  daysLeft: number;
}

const lookBackDays = 28;

/** Lists the variants that will be sold out within two weeks, the soonest first. */
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
