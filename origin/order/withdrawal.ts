// Records a buyer's declaration of withdrawal (Directive (EU) 2023/2673), once however often it is sent.
// A mail at once repeats the declaration with its time.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { Mail } from '../mail/mail.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Db, Tx } from '../schema.ts';
import { EmailField, plainLines, plainText } from '../web/api/plain-text.ts';
import { normaliseNumber, orderLink } from './guest-orders.ts';
import { addEvents } from './life/change-order.ts';

export const withdrawalTemplate = 'withdrawal-received';

export const WithdrawalSchema = z.object({
  name: plainText(100),
  email: EmailField,
  order: plainText(40),
  /** Empty for the whole order. */
  pieces: plainLines(2_000).transform((text) => text.trim()),
});
type Declaration = z.infer<typeof WithdrawalSchema>;

export interface Withdrawal extends Declaration {
  id: string;
  /** Undefined where number and e-mail belong to no order. The declaration is valid even then. */
  orderId: string | undefined;
  declaredAt: Date;
}

/**
 * A limit, so that nobody can fill another person's mailbox. Further declarations are stored, and shown only on the
 * page.
 */
const mailsADay = 10;

/** @returns the time of the declaration; for a repeated one, that of the first */
export async function declareWithdrawal(
  deps: Pick<Deps, 'db' | 'wakeWorker'>,
  declaration: Declaration,
): Promise<{ declaredAt: Date }> {
  const number = normaliseNumber(declaration.order);
  const email = declaration.email.trim().toLowerCase();
  const same = JSON.stringify([number, email, declaration.pieces.toLowerCase().split(/\s+/)]);
  const fingerprint = createHash('sha256').update(same).digest('hex');
  const { declaredAt } = await deps.db.transaction().execute(async (tx) => {
    const orderId = await findOrder(tx, number, email);
    const made = await tx
      .insertInto('withdrawals')
      .values({
        // The order's number in its usual form, where the order exists.
        order_number: orderId === undefined ? declaration.order : number,
        order_id: orderId ?? null,
        name: declaration.name,
        email: declaration.email,
        pieces: declaration.pieces,
        fingerprint,
      })
      .onConflict((conflict) => conflict.column('fingerprint').doNothing())
      .returning(['id', 'declared_at as declaredAt'])
      .executeTakeFirst();
    if (made === undefined)
      return tx
        .selectFrom('withdrawals')
        .select('declared_at as declaredAt')
        .where('fingerprint', '=', fingerprint)
        .executeTakeFirstOrThrow();
    if (orderId !== undefined)
      await addEvents(tx, orderId, [
        {
          by: { who: 'shopper' },
          what: 'withdrawal-declared',
          detail: declaration.pieces || 'The whole order',
        },
      ]);
    if (await mayBeMailed(tx, email))
      await addToOutbox(tx, 'mail', {
        to: declaration.email,
        template: withdrawalTemplate,
        data: { withdrawalId: made.id, ...(orderId === undefined ? {} : { orderId }) },
      });
    return made;
  });
  deps.wakeWorker();
  return { declaredAt };
}

async function findOrder(tx: Tx, number: string, email: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('orders')
    .select('id')
    .where('number', '=', number)
    .where(sql<boolean>`lower(email) = ${email}`)
    .executeTakeFirst();
  return row?.id;
}

/** Index: withdrawals_by_email */
async function mayBeMailed(tx: Tx, email: string): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from withdrawals
    where lower(email) = ${email} and declared_at > clock_timestamp() - interval '1 day'`.execute(tx);
  return rows[0]!.count <= mailsADay;
}

/** Newest first, for staff. */
export async function listWithdrawals(db: Db, limit: number): Promise<Withdrawal[]> {
  const rows = await db.selectFrom('withdrawals').selectAll().orderBy('id', 'desc').limit(limit).execute();
  return rows.map(toWithdrawal);
}

function toWithdrawal(row: {
  id: string;
  order_number: string;
  order_id: string | null;
  name: string;
  email: string;
  pieces: string;
  declared_at: Date;
}): Withdrawal {
  const { id, order_number: order, order_id: orderId, name, email, pieces, declared_at: declaredAt } = row;
  return { id, order, orderId: orderId ?? undefined, name, email, pieces, declaredAt };
}

/** Such as `30 November 2026, 17:58:03 UTC`. */
export function formatMoment(time: Date): string {
  const day = time.toLocaleDateString('en-IE', { dateStyle: 'long', timeZone: 'UTC' });
  return `${day}, ${time.toISOString().slice(11, 19)} UTC`;
}

/** Composes the mail for its job. @returns undefined where the declaration was deleted */
export async function prepareWithdrawalMail(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  to: string,
  data: Record<string, unknown>,
): Promise<Mail | undefined> {
  const row = await db
    .selectFrom('withdrawals')
    .leftJoin('orders', 'orders.id', 'withdrawals.order_id')
    .selectAll('withdrawals')
    .select('orders.number')
    .where('withdrawals.id', '=', String(data['withdrawalId']))
    .where('withdrawals.email', '=', to)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { order, name, pieces, orderId, declaredAt } = toWithdrawal(row);
  return {
    to,
    subject: `Your withdrawal from order ${order}`,
    paragraphs: [
      `We have received your withdrawal on ${formatMoment(declaredAt)}.`,
      `Name: ${name}`,
      `Order: ${order}`,
      `Withdrawn from: ${pieces === '' ? 'the whole order' : pieces.replaceAll(/\s*\n\s*/g, '; ')}`,
      'We will write to you about what to send back and when your money comes. Please keep this mail.',
      ...(orderId === undefined || row.number === null
        ? []
        : [{ link: orderLink(settings, { id: orderId, number: row.number }), text: 'See your order' }]),
    ],
  };
}
