// Issues the invoice of an order, once: its number, what it says, and the document that is made of that.
import { notFound, Refusal } from '../../errors.ts';
import type { Db, Tx } from '../../schema.ts';
import { findCountry } from '../countries.ts';
import { orderColumns, withLines } from '../order-rows.ts';
import type { BillingAddress, ShippingAddress } from '../shipping-address.ts';
import { type InvoiceContent, writeInvoiceDocument } from './invoice-document.ts';

export interface Invoice {
  /** Such as `INV-000042`. */
  number: string;
  /** A PDF, the same bytes each time. */
  document: Uint8Array<ArrayBuffer>;
}

export interface InvoiceDeps {
  db: Db;
  now: () => number;
  settings: { sellerLines: string[] };
}

/**
 * The caller has checked that the order may be seen.
 * @throws Refusal 409 `not-paid` as long as nothing was paid
 */
export async function readInvoice(deps: InvoiceDeps, orderId: string): Promise<Invoice> {
  const { db } = deps;
  const kept = (await findInvoice(db, orderId)) ?? (await issueInvoice(deps, orderId));
  const number = formatNumber(kept.number);
  if (kept.document !== null) return { number, document: new Uint8Array(kept.document) };
  const made = await writeInvoiceDocument(kept.content);
  // Two requests may have made one each: the first that is kept is the document.
  await db
    .updateTable('invoices')
    .set({ document: made })
    .where('number', '=', kept.number)
    .where('document', 'is', null)
    .execute();
  const { document } = (await findInvoice(db, orderId))!;
  return { number, document: new Uint8Array(document!) };
}

function findInvoice(db: Db | Tx, orderId: string) {
  return db.selectFrom('invoices').selectAll().where('order_id', '=', orderId).executeTakeFirst();
}

/** The counter's row is locked until the commit, and what is rolled back has taken no number. */
async function issueInvoice({ db, now, settings }: InvoiceDeps, orderId: string) {
  return db.transaction().execute(async (tx) => {
    const { last_number } = await tx
      .selectFrom('invoice_counter')
      .select('last_number')
      .forUpdate()
      .executeTakeFirstOrThrow();
    // Another request may have written it while this one waited for the lock.
    const existing = await findInvoice(tx, orderId);
    if (existing !== undefined) return existing;
    const number = last_number + 1;
    const issuedAt = new Date(now());
    const content = await composeContent(tx, orderId, {
      number: formatNumber(number),
      issuedAt: issuedAt.toISOString(),
      seller: settings.sellerLines,
    });
    await tx.updateTable('invoice_counter').set({ last_number: number }).execute();
    return tx
      .insertInto('invoices')
      .values({
        number,
        order_id: orderId,
        issued_at: issuedAt,
        content: JSON.stringify(content),
        document: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

async function composeContent(
  tx: Tx,
  orderId: string,
  head: Pick<InvoiceContent, 'number' | 'issuedAt' | 'seller'>,
): Promise<InvoiceContent> {
  const row = await tx
    .selectFrom('orders')
    .innerJoin('payments', 'payments.order_id', 'orders.id')
    .select([...orderColumns, 'orders.billing_address'])
    .where('orders.id', '=', orderId)
    .executeTakeFirst();
  if (row === undefined) throw notFound('This order');
  const [order] = await withLines(tx, [row]);
  if (order!.paid.amount === 0)
    throw new Refusal(409, 'not-paid', 'There is an invoice as soon as the order is paid');
  const rates = await tx
    .selectFrom('order_lines')
    .select('tax_rate')
    .where('order_id', '=', orderId)
    .orderBy('position')
    .execute();
  const { lines, discount, shipping, tax, total } = order!;
  return {
    ...head,
    orderNumber: order!.number,
    orderedAt: order!.placedAt,
    buyer: addressLines(row.billing_address ?? row.shipping_address),
    deliveredTo: addressLines(row.shipping_address),
    lines: lines.map((line, at) => ({
      what: [line.name, line.color, line.size].filter(Boolean).join(', '),
      sku: line.sku,
      quantity: line.quantity,
      unitPrice: line.unitPrice.amount,
      amount: line.lineTotal.amount,
      rate: rates[at]?.tax_rate ?? tax[0]?.rate ?? 0,
    })),
    discount: discount && { code: discount.code, amount: discount.amount.amount },
    shipping: { name: shipping.name, amount: shipping.price.amount },
    tax: tax.map(({ rate, net, tax }) => ({ rate, net: net.amount, tax: tax.amount })),
    total: total.amount,
    isDemonstration: order!.payment.provider === 'demo',
  };
}

function addressLines(address: ShippingAddress | BillingAddress | null): string[] {
  if (address === null) return [];
  const { name, line1, line2, postalCode, city, country } = address;
  return [name, line1, line2 ?? '', `${postalCode} ${city}`, findCountry(country)?.name ?? country].filter(
    Boolean,
  );
}

function formatNumber(number: number): string {
  return `INV-${String(number).padStart(6, '0')}`;
}
