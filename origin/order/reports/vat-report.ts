// The VAT of a quarter by country and rate, as the invoices and credit notes have it. A refund counts in its own
// quarter, whenever its order was paid.
import { sql } from 'kysely';
import { Refusal } from '../../errors.ts';
import { type InvoiceDeps, issueMissing } from '../invoice/invoice.ts';
import { partsOf } from './sales-report.ts';

export interface VatRow {
  /** Where the parcels went: two letters. */
  country: string;
  /** Percent. */
  rate: number;
  /** Minor units, as are all amounts. */
  salesNet: number;
  salesVat: number;
  refundsNet: number;
  refundsVat: number;
}

/** By UTC, as the dates on the documents are. @throws Refusal 400 for anything but a quarter such as `2026-Q4` */
export function readQuarter(text: string): { from: Date; to: Date } {
  const [, year, quarter] = /^(\d{4})-?Q([1-4])$/i.exec(text.trim()) ?? [];
  if (year === undefined) throw new Refusal(400, 'bad-request', 'quarter: must be one such as 2026-Q4');
  const month = (Number(quarter) - 1) * 3;
  return { from: new Date(Date.UTC(Number(year), month)), to: new Date(Date.UTC(Number(year), month + 3)) };
}

export function quarterOf(time: Date): string {
  return `${time.getUTCFullYear()}-Q${Math.floor(time.getUTCMonth() / 3) + 1}`;
}

/** The quarter of a time and those before it, newest first. */
export function quartersUntil(time: Date, count: number): string[] {
  return Array.from({ length: count }, (_, at) =>
    quarterOf(new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() - 3 * at))),
  );
}

/** By country, the highest rate first. Indexes: invoices_by_time, credit_notes_by_time. */
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
