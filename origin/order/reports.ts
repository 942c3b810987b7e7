// What staff read of a time: sales by day, product, category or country; what sells out; and the VAT of a quarter.
import { sql } from 'kysely';
import { readVariantsFresh } from '../catalog/read-variants.ts';
import { Refusal } from '../errors.ts';
import type { Db } from '../schema.ts';
import { type InvoiceDeps, issueMissing } from './invoice/invoice.ts';

/**
 * Reports what was sold in a period, by day, product, category or country, and which variants will be sold
 * out soon.
 */
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
function* partsOf({ from, to }: SalesPeriod): Generator<SalesPeriod> {
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

/**
 * The VAT of a quarter by country and rate, as the invoices and credit notes have it. A refund counts in its
 * own quarter, whenever its order was paid.
 */
export interface VatRow {
  /** The country that the parcels went to: two letters. */
  country: string;
  /** Percent. */
  rate: number;
  /** All amounts are in minor units. */
  salesNet: number;
  salesVat: number;
  refundsNet: number;
  refundsVat: number;
}

/**
 * Quarters are in UTC, like the dates on the documents. @throws Refusal 400 for anything but a quarter such as
 * `2026-Q4`
 */
export function readQuarter(text: string): { from: Date; to: Date } {
  const [, year, quarter] = /^(\d{4})-?Q([1-4])$/i.exec(text.trim()) ?? [];
  if (year === undefined) throw new Refusal(400, 'bad-request', 'quarter: must be one such as 2026-Q4');
  const month = (Number(quarter) - 1) * 3;
  return { from: new Date(Date.UTC(Number(year), month)), to: new Date(Date.UTC(Number(year), month + 3)) };
}

export function quarterOf(time: Date): string {
  return `${time.getUTCFullYear()}-Q${Math.floor(time.getUTCMonth() / 3) + 1}`;
}

/** Lists the quarter of a time and those before it, newest first. */
export function quartersUntil(time: Date, count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    quarterOf(new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() - 3 * at))),
  );
}

/** Sorted by country, then the highest rate first. Indexes: invoices_by_time, credit_notes_by_time. */
export async function readVatReport(
  deps: InvoiceDeps,
  { from, to }: { from: Date; to: Date },
): Promise<VatRow[]> {
  await issueMissing(deps, to);
  const sums = new Map<string, VatRow>();
  for (const part of partsOf({ from, to })) {
    for (const row of await readPart(deps, part)) {
      const key = `${row.country} ${row.rate}`;
      const sum = sums.get(key);
      sums.set(key, sum === undefined ? row : addUp(sum, row));
    }
  }
  return [...sums.values()].sort(
    (a, b) => (a.country < b.country ? -1 : a.country > b.country ? 1 : 0) || b.rate - a.rate,
  );
}

function addUp(sum: VatRow, row: VatRow): VatRow {
  return {
    ...sum,
    salesNet: sum.salesNet + row.salesNet,
    salesVat: sum.salesVat + row.salesVat,
    refundsNet: sum.refundsNet + row.refundsNet,
    refundsVat: sum.refundsVat + row.refundsVat,
  };
}

async function readPart({ db }: InvoiceDeps, { from, to }: { from: Date; to: Date }): Promise<VatRow[]> {
  const ofEach = sql`(vat ->> 'rate')::float8 as rate, (vat ->> 'net')::bigint as net, (vat ->> 'tax')::bigint as tax`;
  const country = sql`coalesce(content ->> 'deliveryCountry', o.tax_country, o.shipping_address ->> 'country', 'DE')`;
  const { rows } = await sql<Record<keyof VatRow, string>>`
    with documents as (
      select ${country} as country, false as is_refund, ${ofEach}
      from invoices d join orders o on o.id = d.order_id, jsonb_array_elements(d.content -> 'tax') vat
      where coalesce(d.taxed_at, d.issued_at) >= ${from} and coalesce(d.taxed_at, d.issued_at) < ${to}
      union all
      select ${country}, true, ${ofEach}
      from credit_notes d join orders o on o.id = d.order_id, jsonb_array_elements(d.content -> 'tax') vat
      where d.taxed_at >= ${from} and d.taxed_at < ${to})
    select country, rate,
      coalesce(sum(net) filter (where not is_refund), 0) as "salesNet",
      coalesce(sum(tax) filter (where not is_refund), 0) as "salesVat",
      coalesce(sum(net) filter (where is_refund), 0) as "refundsNet",
      coalesce(sum(tax) filter (where is_refund), 0) as "refundsVat"
    from documents group by country, rate`.execute(db);
  return rows.map((row) => ({
    country: row.country,
    rate: Number(row.rate),
    salesNet: Number(row.salesNet),
    salesVat: Number(row.salesVat),
    refundsNet: Number(row.refundsNet),
    refundsVat: Number(row.refundsVat),
  }));
}
