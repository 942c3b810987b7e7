// Defines the kinds of outbox rows and the payload of each, and adds a row in a transaction.
// Also wakes the worker after the commit.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import { activeTraceparent } from '../../http/tracing.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { Tx } from '../schema.ts';

export interface OutboxPayloads {
  /** Raise these floors in every cache. */
  invalidate: { tags: TagVersions };
  /** Send a mail. `template` names a function of the account or order domain that composes it. */
  mail: { to: string; template: string; data: Record<string, unknown> };
  /** Ask the provider again about a payment that is unknown or pending. */
  'settle-payment': { orderId: string };
  /** Give back the stock of an order whose payment never began. */
  'expire-hold': { orderId: string };
  /** Pay back what an order's refunds owe; close the payment page of a cancelled order. */
  'pay-back': { orderId: string };
  /** Deliver the waiting shop events to a webhook. */
  'deliver-webhooks': { endpointId: string };
  /** A sale of this product begins or ends. */
  'turn-sales': { productId: string /** ISO 8601. */; at: string };
  /**
   * Delete an erased person's data in Redis and in files. The payload has ids, and digests of addresses. `orders` are
   * those of a guest, for the log.
   */
  forget: {
    account: string | null;
    carts: string[];
    mailboxes: string[];
    mails: string[];
    orders?: string[];
  };
}

export type OutboxKind = keyof OutboxPayloads;

export const outboxKinds = [
  'invalidate',
  'mail',
  'settle-payment',
  'expire-hold',
  'pay-back',
  'deliver-webhooks',
  'turn-sales',
  'forget',
] as const satisfies OutboxKind[];

interface OutboxOptions {
  /** The earliest time; default at once. */
  dueAt?: Date;
  traceparent?: string;
  /** The request that caused it, for operators. */
  cause?: OutboxCause | undefined;
}

export interface OutboxCause {
  /** Such as `PATCH /api/staff/products/42`. */
  what: string;
  /** When the request came, by this process's clock. */
  at: Date;
}

/**
 * Writes one piece of work in the transaction that causes it, so that neither can exist without the other.
 * @returns the row's id; for `invalidate` this is the invalidation's id
 */
export async function addToOutbox<Kind extends OutboxKind>(
  tx: Tx,
  kind: Kind,
  payload: OutboxPayloads[Kind],
  { dueAt, traceparent, cause }: OutboxOptions = {},
): Promise<{ id: string; committedAt: Date }> {
  const { rows } = await sql<{ id: string; committedAt: Date }>`
    with added as (
      insert into outbox (kind, payload, due_at, traceparent, requested_at, cause)
      values (
        ${kind}, ${JSON.stringify(payload)}, coalesce(${dueAt ?? null}::timestamptz, clock_timestamp()),
        ${traceparent ?? activeTraceparent() ?? null}, ${cause?.at ?? null}::timestamptz, ${cause?.what ?? null})
      returning id, committed_at),
    about as (
      insert into job_subjects (subject, job_id)
      select subject, added.id from added, unnest(${subjectsOf(payload)}::text[]) as subjects (subject))
    select id, committed_at as "committedAt" from added`.execute(tx);
  return rows[0]!;
}

/** Lists a job's subjects once each, so that operators find the jobs of an order, a product or an account. */
function subjectsOf(payload: OutboxPayloads[OutboxKind]): string[] {
  if ('tags' in payload)
    return Object.keys(payload.tags).filter((tag) => /^(product|stock|account):/.test(tag));
  if ('orderId' in payload) return [`order:${payload.orderId}`];
  if ('productId' in payload) return [`product:${payload.productId}`];
  if ('endpointId' in payload) return [`webhook:${payload.endpointId}`];
  if ('mailboxes' in payload) return [];
  const { orderId } = payload.data;
  const order = typeof orderId === 'string' ? [`order:${orderId}`] : [];
  return [mailSubject(payload.to), ...order];
}

/** A mail address is found by its digest, because the table of subjects must hold no addresses. */
export function mailSubject(address: string): string {
  const digest = createHash('sha256').update(address.trim().toLowerCase()).digest('hex');
  return `mail:${digest.slice(0, 32)}`;
}

/** Wakes the worker after a commit. If the message is lost, the worker's sweep finds the row within a second. */
export const outboxChannel = 'outbox-hint';

export type WakeWorker = () => void;

export function createWakeWorker(redis: RedisClient): WakeWorker {
  return () => {
    redis.publish(outboxChannel, '').catch(() => undefined);
  };
}
