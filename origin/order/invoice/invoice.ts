// Issues invoices and credit notes: numbers them without gaps, stores their contents, and makes each PDF once.
import { type RawBuilder, sql } from 'kysely';
import { notFound } from '../../errors.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db, DbOrTx, Tx } from '../../schema.ts';
import { idPattern } from '../../web/api/api.ts';
import { type Life, type OrderChange, paidOf } from '../life/order-life.ts';
import { type Credit, composeCredit, composeInvoice, creditOf } from './compose-invoice.ts';
import { formatNumber, type InvoiceContent, type SellerSettings } from './invoice-content.ts';
import { writeInvoiceDocument } from './invoice-document.ts';

export interface Issuer {
  tx: Tx;
  settings: SellerSettings;
}

export interface InvoiceDeps {
  db: Db;
  settings: SellerSettings;
}

interface ChangedLife {
  before: Life;
  next: Life;
  change: OrderChange;
  refundId: string | undefined;
}

/**
 * Issues documents in the transaction that records the money: an invoice with the first payment, a credit note with
 * each refund. Numbers then follow the payments, and not who asks for a document first.
 */
export async function issueDocuments(
  issuer: Issuer,
  orderId: string,
  { before, next, change, refundId }: ChangedLife,
): Promise<void> {
  if (paidOf(before) === 0 && paidOf(next) > 0) await issueInvoice(issuer, orderId);
  if (refundId !== undefined)
    await issueCreditNotes(issuer, orderId, { refundId, credit: creditOf(before, next, change) });
}

/**
 * Issues documents for orders of an earlier release, which issued them only on demand. Safe to repeat.
 * @param until only orders placed before this time
 */
export async function issueMissing(deps: InvoiceDeps, until: Date): Promise<void> {
  const endMs = until.getTime();
  const firstMs = await readFirstMs(deps.db);
  const known = complete.get(deps.db) ?? { fromMs: endMs, untilMs: endMs };
  await issueMissingBetween(deps, firstMs, Math.min(known.fromMs, endMs));
  await issueMissingBetween(deps, Math.max(firstMs, known.untilMs), endMs);
  complete.set(deps.db, {
    fromMs: Math.min(firstMs, known.fromMs),
    untilMs: Math.max(Math.min(endMs, Date.now() - dayMs), complete.get(deps.db)?.untilMs ?? 0),
  });
}

async function issueMissingBetween(deps: InvoiceDeps, fromMs: number, untilMs: number): Promise<void> {
  for (let atMs = fromMs; atMs < untilMs; atMs += partMs)
    await issueMissingOf(deps, new Date(atMs), new Date(Math.min(atMs + partMs, untilMs)));
}

const dayMs = 86_400_000;
/** A statement looks at orders of two weeks at most. */
const partMs = 14 * dayMs;

/**
 * The time between which all orders are known to have their documents. Each process finds it out once. Later calls
 * look only at older orders and at those of the last day.
 */
const complete = new WeakMap<Db, { fromMs: number; untilMs: number }>();

/** Index: orders_newest */
async function readFirstMs(db: Db): Promise<number> {
  const { rows } = await sql<{ first: Date | null }>`select min(placed_at) as first from orders`.execute(db);
  return rows[0]!.first?.getTime() ?? Number.POSITIVE_INFINITY;
}

async function issueMissingOf({ db, settings }: InvoiceDeps, from: Date, until: Date): Promise<void> {
  for (;;) {
    const { rows } = await sql<{ id: string }>`
      select o.id from orders o join payments p on p.order_id = o.id
      where o.placed_at >= ${from} and o.placed_at < ${until} and (p.status = 'paid' or p.taken_amount > 0)
        and (not exists (select from invoices i where i.order_id = o.id)
          or exists (select from refunds r where r.order_id = o.id
            and not exists (select from credit_notes n where n.refund_id = r.id)))
      order by o.placed_at, o.id limit 100`.execute(db);
    if (rows.length === 0) return;
    for (const { id } of rows)
      await withIssuer({ db, settings }, async (issuer) => {
        await issueInvoice(issuer, id);
        await issueCreditNotes(issuer, id);
      });
  }
}

/** Locks the counter's row until the commit. A rollback also takes back the number. */
async function takeNumber(
  tx: Tx,
  counter: 'invoice_counter' | 'credit_note_counter',
): Promise<{ number: number; issuedAt: Date }> {
  const { last_number: number, issuedAt } = await tx
    .updateTable(counter)
    .set({ last_number: sql`last_number + 1` })
    .returning(['last_number', sql<Date>`clock_timestamp()`.as('issuedAt')])
    .executeTakeFirstOrThrow();
  return { number, issuedAt };
}

/** @throws Refusal 409 `not-paid` as long as nothing was paid */
async function issueInvoice({ tx, settings }: Issuer, orderId: string): Promise<void> {
  await sql`select from payments where order_id = ${orderId} for update`.execute(tx);
  if ((await findInvoice(tx, orderId)) !== undefined) return;
  const { number, issuedAt } = await takeNumber(tx, 'invoice_counter');
  const content = await composeInvoice(tx, orderId, {
    number: formatNumber('INV', number),
    issuedAt,
    settings,
  });
  await tx
    .insertInto('invoices')
    .values({
      number,
      order_id: orderId,
      issued_at: issuedAt,
      taxed_at: await readFirstPaid(tx, orderId, issuedAt),
      content: JSON.stringify(content),
      document: null,
    })
    .execute();
}

/** Returns the time of the first payment; `now` where this transaction records it. */
async function readFirstPaid(tx: Tx, orderId: string, now: Date): Promise<Date> {
  const { at } = await tx
    .selectFrom('order_events')
    .select((eb) => eb.fn.min('at').as('at'))
    .where('order_id', '=', orderId)
    .where('what', 'in', ['paid', 'money-taken'])
    .executeTakeFirstOrThrow();
  return at ?? now;
}

/**
 * Issues missing credit notes. Refunds of an earlier release may have none, and it is unknown which pieces they were
 * for.
 */
async function issueCreditNotes(
  issuer: Issuer,
  orderId: string,
  made?: { refundId: string; credit: Credit },
): Promise<void> {
  const { tx } = issuer;
  await issueInvoice(issuer, orderId);
  const missing = await tx
    .selectFrom('refunds')
    .leftJoin('credit_notes', 'credit_notes.refund_id', 'refunds.id')
    .select(['refunds.id', 'refunds.amount', 'refunds.reason', 'refunds.at'])
    .where('refunds.order_id', '=', orderId)
    .where('credit_notes.number', 'is', null)
    .orderBy('refunds.id')
    .execute();
  for (const { id, amount, reason, at } of missing) {
    const credit = id === made?.refundId ? made.credit : { amount, pieces: [], restIs: reason || 'Refund' };
    await issueCreditNote(tx, orderId, { refundId: id, credit, reason, at });
  }
}

async function issueCreditNote(
  tx: Tx,
  orderId: string,
  { refundId, credit, reason, at }: { refundId: string; credit: Credit; reason: string; at: Date },
): Promise<void> {
  const { content: invoice } = (await findInvoice(tx, orderId))!;
  const earlier = await tx
    .selectFrom('credit_notes')
    .select('content')
    .where('order_id', '=', orderId)
    .execute();
  const { number, issuedAt } = await takeNumber(tx, 'credit_note_counter');
  const { discount: _, ...said } = invoice;
  const content: InvoiceContent = {
    ...said,
    ...composeCredit(
      invoice,
      earlier.map((note) => note.content),
      credit,
    ),
    number: formatNumber('CN', number),
    issuedAt: issuedAt.toISOString(),
    credits: { invoiceNumber: invoice.number, invoicedAt: invoice.issuedAt, reason },
  };
  await tx
    .insertInto('credit_notes')
    .values({
      number,
      order_id: orderId,
      refund_id: refundId,
      issued_at: issuedAt,
      taxed_at: at,
      content: JSON.stringify(content),
      document: null,
    })
    .execute();
}

export interface BillDocument {
  content: InvoiceContent;
  /** The PDF; it has the same bytes each time. */
  document: Uint8Array<ArrayBuffer>;
}

/**
 * Reads the invoice, and issues it first where it is missing. The caller has checked that the order may be seen.
 * @throws Refusal 409 `not-paid` as long as nothing was paid
 */
export async function readInvoice(deps: InvoiceDeps, orderId: string): Promise<BillDocument> {
  if ((await findInvoice(deps.db, orderId)) === undefined)
    await withIssuer(deps, (issuer) => issueInvoice(issuer, orderId));
  return keepDocument(deps.db, 'invoices', sql`order_id = ${orderId}`);
}

/** Reads a credit note. The caller has checked access too. @throws Refusal 404 where the order has no such refund */
export async function readCreditNote(
  deps: InvoiceDeps,
  orderId: string,
  refundId: string,
): Promise<BillDocument> {
  const refund = idPattern.test(refundId)
    ? await deps.db
        .selectFrom('refunds')
        .leftJoin('credit_notes', 'credit_notes.refund_id', 'refunds.id')
        .select('number')
        .where('refunds.id', '=', refundId)
        .where('refunds.order_id', '=', orderId)
        .executeTakeFirst()
    : undefined;
  if (refund === undefined) throw notFound('This refund');
  if (refund.number === null) await withIssuer(deps, (issuer) => issueCreditNotes(issuer, orderId));
  return keepDocument(deps.db, 'credit_notes', sql`refund_id = ${refundId}`);
}

function withIssuer<Result>(
  { db, settings }: InvoiceDeps,
  issue: (issuer: Issuer) => Promise<Result>,
): Promise<Result> {
  return retryOnConflict(() => db.transaction().execute((tx) => issue({ tx, settings })));
}

function findInvoice(db: DbOrTx, orderId: string) {
  return db.selectFrom('invoices').select('content').where('order_id', '=', orderId).executeTakeFirst();
}

/** Makes the PDF once. If two requests make one at the same time, the first that is stored is the document. */
async function keepDocument(
  db: Db,
  table: 'invoices' | 'credit_notes',
  where: RawBuilder<unknown>,
): Promise<BillDocument> {
  const name = sql.table(table);
  const read = async () => {
    const { rows } = await sql<{ content: InvoiceContent; document: Buffer | null }>`
      select content, document from ${name} where ${where}`.execute(db);
    return rows[0]!;
  };
  const kept = await read();
  if (kept.document === null) {
    const made = await writeInvoiceDocument(kept.content);
    await sql`update ${name} set document = ${made} where ${where} and document is null`.execute(db);
  }
  const { content, document } = kept.document === null ? await read() : kept;
  return { content, document: new Uint8Array(document!) };
}
