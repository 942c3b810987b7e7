// Customers as staff see them: accounts, and guests by their e-mail address, each with their orders; pages and API.
import { z } from '@hono/zod-openapi';
import { findAccount, findAccounts } from '../account/account.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import {
  type CustomerKey,
  findGuest,
  findGuests,
  readOrdersOfCustomer,
  summariseCustomers,
} from '../order/life/customer-orders.ts';
import { StaffOrderSchema } from '../order/life/staff-orders.ts';
import { decodeCursor, growingEnum } from '../web/api/api.ts';
import { toPlainWords } from '../web/api/plain-text.ts';
import { MoneySchema, money } from '../web/money.ts';

const exampleCustomer = {
  id: '12',
  kind: 'account',
  email: 'ada@example.com',
  name: 'Ada Byron',
  orderCount: 1,
  orders: [
    {
      id: '42',
      number: 'MC-7F3KQ-2PDX9',
      status: 'paid',
      fulfilment: 'shipped',
      total: { amount: 3_998, currency: 'EUR' },
      placedAt: '2026-11-30T10:30:00.000Z',
    },
  ],
};

export const CustomerSchema = z
  .object({
    id: z.string(),
    kind: growingEnum(['account', 'guest']),
    email: z.string(),
    name: z.string().optional(),
    orderCount: z.int().min(0),
    orders: z
      .array(
        z
          .object({
            id: z.string(),
            number: z.string(),
            status: z.string(),
            fulfilment: z.string(),
            total: MoneySchema,
            placedAt: z.iso.datetime(),
          })
          .openapi('OrderOfCustomer', { example: exampleCustomer.orders[0] }),
      )
      .openapi({ description: 'The newest ten, newest first' }),
  })
  .openapi('Customer', { example: exampleCustomer });
export type Customer = z.infer<typeof CustomerSchema>;

export const CustomerDetailSchema = z
  .object({
    ...CustomerSchema.shape,
    since: z.iso.datetime().optional().openapi({ description: 'When the account was made' }),
    spent: MoneySchema.openapi({ description: 'What was taken, without what went back' }),
    orders: z.array(StaffOrderSchema).openapi({ description: 'The newest hundred, newest first' }),
  })
  .openapi('CustomerDetail', { example: { ...exampleCustomer, orders: [], spent: money(3_998) } });
export type CustomerDetail = z.infer<typeof CustomerDetailSchema>;

const shownInList = 10;
const shownOfOne = 100;

/** Lists customers in order of e-mail address. @throws Refusal 400 `bad-cursor` */
export async function listCustomers(
  { db }: Pick<Deps, 'db'>,
  { q = '', cursor, limit }: { q?: string | undefined; cursor?: string | undefined; limit: number },
): Promise<{ items: Customer[]; nextCursor: string | null }> {
  const range = { prefix: toPlainWords(q).toLowerCase(), after: readCursor(cursor), limit: limit + 1 };
  const [accounts, guests] = await Promise.all([findAccounts(db, range), findGuests(db, range)]);
  const byEmail = new Map<string, CustomerKey & { id: string; name?: string }>();
  for (const { firstOrderId, email } of guests)
    byEmail.set(email, { id: `guest-${firstOrderId}`, accountId: undefined, email });
  // In this list, guest orders belong to an account with the same e-mail address, even if it was made later.
  for (const { id, email, name } of accounts)
    byEmail.set(email.toLowerCase(), { id, accountId: id, email: email.toLowerCase(), name });
  const sorted = [...byEmail.values()].sort((a, b) =>
    Buffer.compare(Buffer.from(a.email), Buffer.from(b.email)),
  );
  const shown = sorted.slice(0, limit);
  const summaries = await summariseCustomers(db, shown, shownInList);
  const items = shown.map(({ id, accountId, email, name }, at) => {
    const { orderCount, orders, name: named } = summaries[at]!;
    const known = name ?? named;
    const kind: Customer['kind'] = accountId === undefined ? 'guest' : 'account';
    return { id, kind, email, ...(known === undefined ? {} : { name: known }), orderCount, orders };
  });
  const last = sorted.length > limit ? shown.at(-1) : undefined;
  return { items, nextCursor: last === undefined ? null : Buffer.from(last.email).toString('base64url') };
}

function readCursor(cursor: string | undefined): string {
  if (cursor === undefined) return '';
  const email = decodeCursor(cursor) ?? '';
  if (!email.includes('@') || email.includes('\0') || !email.isWellFormed())
    throw new Refusal(400, 'bad-cursor', 'cursor: was not given by this list');
  return email;
}

/** @throws Refusal 404 */
export async function readCustomer({ db }: Pick<Deps, 'db'>, id: string): Promise<CustomerDetail> {
  const account = await findAccount(db, id);
  const guest = id.startsWith('guest-') ? await findGuest(db, id.slice('guest-'.length)) : undefined;
  const email = (account ?? guest)?.email.toLowerCase();
  if (email === undefined) throw notFound('This customer');
  const key = { accountId: account?.id, email };
  const [{ orders, spent }, [summary]] = await Promise.all([
    readOrdersOfCustomer(db, key, shownOfOne),
    summariseCustomers(db, [key], 0),
  ]);
  const name = account?.name ?? summary?.name;
  return {
    id,
    kind: account === undefined ? 'guest' : 'account',
    email,
    ...(name === undefined ? {} : { name }),
    ...(account === undefined ? {} : { since: account.created_at.toISOString() }),
    spent: money(Math.max(0, spent)),
    orderCount: summary?.orderCount ?? 0,
    orders,
  };
}
