// Events of the shop for other systems: numbered in commit order, read page by page, kept for 30 days.
import { type RawBuilder, sql } from 'kysely';
import { Refusal } from '../errors.ts';
import type { Db, Tx } from '../schema.ts';
import { z } from '../web/api/api.ts';

export const shopEventTypes = [
  'order.placed',
  'order.payment-pending',
  'order.payment-unknown',
  'order.payment-authorised',
  'order.payment-failed',
  'order.paid',
  'order.money-taken',
  'order.cancelled',
  'order.shipped',
  'order.delivered',
  'refund.created',
  'refund.pending',
  'refund.unknown',
  'refund.done',
  'dispute.inquiry',
  'dispute.open',
  'dispute.won',
  'dispute.lost',
  'return.requested',
  'return.received',
  'return.refunded',
  'return.refused',
  'stock.changed',
  'product.changed',
] as const;

const exampleShopEvent = {
  id: '1042',
  type: 'order.paid',
  at: '2026-11-30T10:30:00.000Z',
  subject: 'order:42',
  data: {
    orderId: '42',
    number: 'MC-7F3KQ-2PDX9',
    status: 'paid',
    fulfilment: 'open',
    total: { amount: 3_998, currency: 'EUR' },
    payment: { provider: 'demo', status: 'paid' },
  },
};

export const ShopEventSchema = z
  .object({
    id: z.string().openapi({ description: 'A number; it rises by one from event to event' }),
    type: z
      .string()
      .openapi({ description: `There may be others one day. Today: ${shopEventTypes.join(', ')}` }),
    at: z.iso.datetime(),
    subject: z.string().openapi({ description: 'Such as `order:42`, `variant:7`, `product:3`' }),
    data: z.looseObject({}).openapi({ description: 'Facts as they were then; nothing of a person' }),
  })
  .openapi('ShopEvent', { example: exampleShopEvent });

export const ShopEventListSchema = z
  .object({
    items: z.array(ShopEventSchema),
    next: z
      .string()
      .openapi({ description: '`after` of the next call, also where nothing has happened yet' }),
  })
  .openapi('ShopEventList', { example: { items: [exampleShopEvent], next: '1042' } });

export type ShopEvent = z.infer<typeof ShopEventSchema>;
type ShopEventList = z.infer<typeof ShopEventListSchema>;

const numberedAtOnce = 2_000;
const keptDays = 30;

/**
 * Gives committed events their positions. Each transaction holds the counter's lock until its commit, so a reader
 * that sees a position sees all lower ones. Events that become visible together are numbered in the order in which
 * they were written. Deliveries to webhooks are inserted in the same transaction.
 */
export async function numberShopEvents(db: Db): Promise<void> {
  while ((await hasNew(db)) && (await db.transaction().execute(numberSome)) === numberedAtOnce);
}

/** A row stays visible until the transaction that numbers it commits. `numberSome` then waits for that commit. */
async function hasNew(db: Db): Promise<boolean> {
  const { rows } = await sql<{ some: boolean }>`
    select exists (select from new_shop_events) as some`.execute(db);
  return rows[0]!.some;
}

/** @returns how many events were numbered */
async function numberSome(tx: Tx): Promise<number> {
  // The lock is a statement of its own, so that the next one sees what was committed while this one waited.
  await sql`select from shop_event_counter for update`.execute(tx);
  const { rows } = await sql<{ numbered: number }>`
    with taken as (
      delete from new_shop_events where id in (select id from new_shop_events order by id limit ${numberedAtOnce})
      returning id, type, at, subject, data),
    numbered as (
      insert into shop_events (position, type, at, subject, data)
      select last_position + row_number() over (order by id), type, at, subject, data
      from taken, shop_event_counter
      returning position, type),
    delivered as (
      insert into webhook_deliveries (endpoint_id, position)
      select e.id, numbered.position from numbered, webhook_endpoints e
      where e.types = '{}' or numbered.type = any(e.types))
    select count(*)::integer as numbered from numbered`.execute(tx);
  const [{ numbered } = { numbered: 0 }] = rows;
  if (numbered > 0)
    await sql`update shop_event_counter set last_position = last_position + ${numbered}`.execute(tx);
  return numbered;
}

/**
 * @param after position of the last known event; undefined: from the oldest kept one
 * @throws Refusal 410 `events-gone` where events after `after` are no longer kept, or `after` never existed
 */
export async function readShopEvents(
  db: Db,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<ShopEventList> {
  await numberShopEvents(db);
  const { rows } = await sql<{ last: string; oldest: string | null; items: EventRow[] }>`
    select c.last_position as last, (select min(position) from shop_events) as oldest,
      (select coalesce(json_agg(found), '[]') from (
        select ${eventColumns} from shop_events
        where position > ${after ?? 0}::bigint
        order by position limit ${limit}) found) as items
    from shop_event_counter c`.execute(db);
  const { last, oldest, items } = rows[0]!;
  const before = BigInt(oldest ?? BigInt(last) + 1n) - 1n;
  const isGone = after !== undefined && (BigInt(after) < before || BigInt(after) > BigInt(last));
  if (isGone)
    throw new Refusal(
      410,
      'events-gone',
      'Events behind that one are no longer kept, or the shop went back in time; read the present state, then go on without `after`',
      { details: { oldest: String(before + 1n), last } },
    );
  return { items: items.map(toShopEvent), next: items.at(-1)?.id ?? after ?? String(last) };
}

export interface EventRow {
  id: string;
  type: string;
  atMs: number;
  subject: string;
  data: Record<string, unknown>;
}

export const eventColumns: RawBuilder<EventRow> = sql`
  position::text as id, type, (extract(epoch from at) * 1000)::bigint as "atMs", subject, data`;

export function toShopEvent({ id, type, atMs, subject, data }: EventRow): ShopEvent {
  return { id, type, at: new Date(Number(atMs)).toISOString(), subject, data };
}

const prunedAtOnce = 10_000;

/** Removes the oldest events without leaving a gap, so that the oldest remaining position shows what is gone. */
export async function pruneShopEvents(tx: Tx): Promise<void> {
  await sql`
    delete from shop_events
    where position < (select min(position) from shop_events) + ${prunedAtOnce}
      and position <= (select position from shop_events
        where at < now() - make_interval(days => ${keptDays}) order by at desc, position desc limit 1)`.execute(
    tx,
  );
}
