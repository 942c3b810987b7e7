// The kinds of outbox rows, the payload of each, and how a transaction adds one.
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Tx } from '../schema.ts';

export interface OutboxPayloads {
  /** Raise these floors in every cache. */
  invalidate: { tags: TagVersions };
  /** Send a mail; `template` names a function of the account or order domain that renders it. */
  mail: { to: string; template: string; data: Record<string, unknown> };
  /** Ask the provider again what became of a payment whose outcome is unknown, or that is still pending. */
  'settle-payment': { orderId: string };
  /** Give back the stock of an order whose payment never began. */
  'expire-hold': { orderId: string };
  /** Pay back what an order's refunds owe; close the payment page of a cancelled order. */
  'pay-back': { orderId: string };
}

export type OutboxKind = keyof OutboxPayloads;

export const outboxKinds = [
  'invalidate',
  'mail',
  'settle-payment',
  'expire-hold',
  'pay-back',
] as const satisfies OutboxKind[];

export interface OutboxOptions {
  /** Not before this time; default at once. */
  dueAt?: Date;
  traceparent?: string;
}

/**
 * Writes one piece of work in the transaction that causes it, so that neither can exist without the other.
 * @returns the row's id; for `invalidate` this is the invalidation's id.
 */
export async function addToOutbox<Kind extends OutboxKind>(
  tx: Tx,
  kind: Kind,
  payload: OutboxPayloads[Kind],
  options: OutboxOptions = {},
): Promise<{ id: string; committedAt: Date }> {
  const row = await tx
    .insertInto('outbox')
    .values({
      kind,
      payload: JSON.stringify(payload),
      ...(options.dueAt ? { due_at: options.dueAt } : {}),
      traceparent: options.traceparent ?? null,
    })
    .returning(['id', 'committed_at'])
    .executeTakeFirstOrThrow();
  return { id: row.id, committedAt: row.committed_at };
}
