// Laws of documents and events: invoices, credit notes and the VAT report add up to the cent.
// Other systems get every event in the order in which it happened.
import { parse } from 'csv-parse/sync';
import { expectAnswer } from '../browser/page.ts';
import { apiKeyOf, signInStaff } from '../deeds/staff.ts';
import type { ShopLife } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';
import { ratesOf } from './selling.ts';

interface Vat {
  rate: number;
  net: number;
  tax: number;
}

interface DocumentSeen {
  kind: 'Invoice' | 'Credit note';
  number: number;
  order: string;
  orderTotal: number;
  country: string | null;
  lines: { amount: number }[];
  /** Minor units, for an invoice. Free delivery by a code is a discount. */
  shipping: number;
  discount: number;
  tax: Vat[];
  total: number;
  /** ISO 8601. */
  taxedAt: string;
  /** The refunded amount; null for an invoice. */
  refund: number | null;
  isCancelled: boolean;
}

function readDocuments({ shop }: ShopLife): Promise<DocumentSeen[]> {
  const said = `d.number, o.number as order, o.total_amount as "orderTotal", o.status = 'cancelled' as "isCancelled",
    coalesce(d.content ->> 'deliveryCountry', o.shipping_address ->> 'country') as country,
    d.content -> 'lines' as lines, d.content -> 'tax' as tax, (d.content ->> 'total')::integer as total,
    coalesce((d.content -> 'shipping' ->> 'amount')::integer, 0) as shipping,
    coalesce((d.content -> 'discount' ->> 'amount')::integer, 0) as discount,
    to_char(coalesce(d.taxed_at, d.issued_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "taxedAt"`;
  return askPostgres<DocumentSeen>(
    shop,
    `select 'Invoice' as kind, ${said}, null::integer as refund from invoices d join orders o on o.id = d.order_id
     union all
     select 'Credit note', ${said}, r.amount from credit_notes d join orders o on o.id = d.order_id
       join refunds r on r.id = d.refund_id
     order by kind, number`,
  );
}

/**
 * Law: invoices and credit notes are right to the cent, with the VAT of the destination. Credit notes are numbered
 * without gaps. At each rate they credit no more than their invoice charged.
 */
export const documentsAddUp = defineLaw<DocumentSeen[]>({
  name: 'documents-add-up',
  gather: readDocuments,
  judge(documents) {
    const notes = documents.filter(({ kind }) => kind === 'Credit note');
    const invoices = new Map(
      documents.filter(({ kind }) => kind === 'Invoice').map((document) => [document.order, document]),
    );
    const gaps = notes.flatMap(({ number }, at) =>
      number === at + 1 ? [] : [`Credit note ${number} stands where ${at + 1} should`],
    );
    const byOrder = Map.groupBy(notes, ({ order }) => order);
    const excesses = [...byOrder].flatMap(([order, ofOrder]) =>
      judgeCredits(order, invoices.get(order), ofOrder),
    );
    return [...gaps, ...documents.flatMap(judgeDocument), ...excesses];
  },
});

function judgeDocument({ kind, number, order, ...said }: DocumentSeen): string[] {
  const what = `${kind} ${number} of order ${order}`;
  const gross = sum(said.tax.map(({ net, tax }) => net + tax));
  const lines = sum(said.lines.map(({ amount }) => amount));
  const ofParts = kind === 'Invoice' ? lines + said.shipping - said.discount : lines;
  const wrongRates = said.tax.filter(({ rate }) => ratesOf[said.country ?? '']?.includes(rate) === false);
  return [
    ...(gross === said.total ? [] : [`${what} is of ${said.total}, net and VAT are ${gross}`]),
    ...(ofParts === said.total ? [] : [`${what} is of ${said.total}, its lines are ${ofParts}`]),
    ...(kind === 'Invoice' && said.total !== said.orderTotal
      ? [`${what} is of ${said.total}, the order of ${said.orderTotal}`]
      : []),
    // The credit note of a cancelled order is of the whole invoice, even if only a part was paid.
    ...(said.refund === null || said.refund === said.total || said.isCancelled
      ? []
      : [`${what} is of ${said.total}, and ${said.refund} was paid back`]),
    ...wrongRates.map(({ rate }) => `${what} to ${said.country} has VAT of ${rate} %`),
  ];
}

function judgeCredits(order: string, invoice: DocumentSeen | undefined, notes: DocumentSeen[]): string[] {
  if (invoice === undefined) return [`Order ${order} has a credit note and no invoice`];
  return invoice.tax.flatMap(({ rate, net, tax }) => {
    const back = notes.flatMap((note) => note.tax.filter((one) => one.rate === rate));
    const credited = { net: sum(back.map((one) => one.net)), tax: sum(back.map((one) => one.tax)) };
    return credited.net <= net && credited.tax <= tax
      ? []
      : [
          `Order ${order} was charged ${net} + ${tax} at ${rate} %, and credited ${credited.net} + ${credited.tax}`,
        ];
  });
}

/** Law: the VAT reports of all quarters equal the invoices and credit notes, by country and rate. */
interface ReportSeen {
  documents: DocumentSeen[];
  /** By quarter, country and rate; minor units. */
  reported: Map<string, { net: number; tax: number }>;
}

export const vatReportAddsUp = defineLaw<ReportSeen>({
  name: 'vat-report-adds-up',
  async gather(life) {
    const staff = await signInStaff(life);
    // Nobody orders between the two reads.
    return life.till.alone(async () => {
      const documents = await readDocuments(life);
      const reported: ReportSeen['reported'] = new Map();
      for (const quarter of new Set(documents.map(({ taxedAt }) => quarterOf(taxedAt)))) {
        const path = `/staff/reports/vat.csv?quarter=${quarter}`;
        const text = expectAnswer('The VAT report', await staff.ask<string>('GET', path), 200);
        for (const row of parse(text, { bom: true, columns: true }) as Record<string, string>[])
          reported.set(`${quarter} ${row['country']} ${Number(row['rate'])} %`, {
            net: minor(row['net']!),
            tax: minor(row['vat']!),
          });
      }
      return { documents, reported };
    });
  },
  // The worker may record a payment between the two reads; the law is then judged again.
  patienceMs: 10_000,
  judge({ documents, reported }) {
    const right = new Map<string, { net: number; tax: number }>();
    for (const { kind, taxedAt, country, tax } of documents)
      for (const part of tax) {
        const key = `${quarterOf(taxedAt)} ${country} ${part.rate} %`;
        const sign = kind === 'Invoice' ? 1 : -1;
        const before = right.get(key) ?? { net: 0, tax: 0 };
        right.set(key, { net: before.net + sign * part.net, tax: before.tax + sign * part.tax });
      }
    return [...new Set([...right.keys(), ...reported.keys()])].flatMap((key) => {
      const [one, other] = [reported.get(key), right.get(key)];
      return one?.net === other?.net && one?.tax === other?.tax
        ? []
        : [`The VAT report says ${tell(one)} for ${key}, the documents ${tell(other)}`];
    });
  },
});

function tell(vat: { net: number; tax: number } | undefined): string {
  return vat === undefined ? 'nothing' : `${vat.net} + ${vat.tax}`;
}

function quarterOf(taxedAt: string): string {
  return `${taxedAt.slice(0, 4)}-Q${Math.ceil(Number(taxedAt.slice(5, 7)) / 3)}`;
}

function minor(units: string): number {
  return Math.round(Number(units) * 100);
}

function sum(amounts: number[]): number {
  return amounts.reduce((all, one) => all + one, 0);
}

/** Law: events are in the order of the commits, each once and without gaps. */
interface EventsSeen {
  /** The id of the event before the first requested one. */
  after: string;
  events: ShopEvent[];
  /** The current state. */
  stock: Map<string, number | null>;
  orders: Map<string, { status: string; fulfilment: string; placedToday: boolean }>;
}

interface ShopEvent {
  id: string;
  type: string;
  subject: string;
  data: { status?: string; fulfilment?: string; stock?: number | null };
}

export const eventsInCommitOrder = defineLaw<EventsSeen>({
  name: 'events-in-commit-order',
  async gather(life) {
    const key = await apiKeyOf(life);
    return life.desk.alone(() =>
      life.till.alone(async () => {
        const [after] = life.record.eventsFrom;
        const events = await readEvents(life, key, after);
        const variants = await askPostgres<{ id: string; stock: number | null }>(
          life.shop,
          `select id, case when stock_tracked and stock_stated then available end as stock from variants`,
        );
        const orders = await askPostgres<{ id: string; status: string; fulfilment: string }>(
          life.shop,
          'select id, status, fulfilment from orders',
        );
        const today = new Set(life.record.orders.slice(life.record.ordersBefore).map(({ id }) => id));
        return {
          after,
          events,
          stock: new Map(variants.map(({ id, stock }) => [id, stock])),
          orders: new Map(orders.map(({ id, ...order }) => [id, { ...order, placedToday: today.has(id) }])),
        };
      }),
    );
  },
  // The worker may change an order between the reads.
  patienceMs: 10_000,
  judge({ after, events, stock, orders }) {
    const gaps = events.flatMap(({ id }, at) => {
      const right = String(BigInt(after) + BigInt(at + 1));
      return id === right ? [] : [`Event ${id} stands where ${right} should`];
    });
    return [...gaps.slice(0, 1), ...judgeLast(events, stock, orders), ...judgePlaced(events, orders)];
  },
});

/** The last event of a variant or an order must equal its current state. */
function judgeLast(events: ShopEvent[], stock: EventsSeen['stock'], orders: EventsSeen['orders']): string[] {
  const last = new Map<string, ShopEvent>();
  for (const event of events)
    if (event.type === 'stock.changed' || event.data.status !== undefined) last.set(event.subject, event);
  return [...last].flatMap(([subject, { id, type, data }]) => {
    const [kind, of = ''] = subject.split(':');
    if (kind === 'variant' && stock.has(of))
      return stock.get(of) === data.stock
        ? []
        : [`Event ${id} told last of ${subject}: ${data.stock} pieces, and there are ${stock.get(of)}`];
    const order = kind === 'order' ? orders.get(of) : undefined;
    if (order === undefined) return [];
    const isSame = order.status === data.status && order.fulfilment === data.fulfilment;
    return isSame
      ? []
      : [
          `Event ${id} (${type}) told last of ${subject}: ${data.status}, ${data.fulfilment}; it is ${order.status}, ${order.fulfilment}`,
        ];
  });
}

function judgePlaced(events: ShopEvent[], orders: EventsSeen['orders']): string[] {
  const placed = Map.groupBy(
    events.filter(({ type }) => type === 'order.placed'),
    ({ subject }) => subject,
  );
  return [...orders]
    .filter(([, { placedToday }]) => placedToday)
    .map(([id]) => ({ id, times: placed.get(`order:${id}`)?.length ?? 0 }))
    .filter(({ times }) => times !== 1)
    .map(({ id, times }) => `That order ${id} was placed is told ${times} times`);
}

const eventsAtOnce = 500;

async function readEvents(life: ShopLife, key: string, after: string): Promise<ShopEvent[]> {
  const program = life.browser();
  const events: ShopEvent[] = [];
  for (let from = after; ; ) {
    const path = `/api/staff/events?${new URLSearchParams({ after: from, limit: String(eventsAtOnce) })}`;
    const answer = await program.ask<{ items: ShopEvent[]; next: string }>('GET', path, undefined, {
      authorization: `Bearer ${key}`,
    });
    const { items, next } = expectAnswer('The events', answer, 200);
    events.push(...items);
    if (items.length === 0) return events;
    from = next;
  }
}
