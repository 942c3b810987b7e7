// Reads outbox rows from Postgres: their attempts, due times, and the address of each mail.
import type { Life } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import type { Fate } from '../shop/mail-server.ts';

export interface OpenWork {
  id: string;
  kind: string;
  state: 'pending' | 'dead';
  /** Tries that failed. */
  failures: number;
  failure: string | null;
  /** Seconds until it is tried; below zero where it is late. */
  dueInSeconds: number;
  /** A mail's address, and what its server does. */
  to: string | null;
  fate: Fate;
  /** A mail's order. */
  orderId: string | null;
  /** From its first failure to its next try; null where it has not failed. */
  deferredSeconds: number | null;
  /** Nobody else may take it for so long: a server may still answer for the mail that it was given. */
  heldSeconds: number;
  /** A part that works it was killed since it was written. */
  mayBeInDoubt: boolean;
}

export async function readOpenWork(life: Life): Promise<OpenWork[]> {
  const rows = await askPostgres<Omit<OpenWork, 'fate' | 'mayBeInDoubt'> & { committed: Date }>(
    life.shop,
    `select id, kind, state, failures, failure, payload ->> 'to' as to, payload -> 'data' ->> 'orderId' as "orderId",
       committed_at as committed,
       extract(epoch from due_at - clock_timestamp())::float as "dueInSeconds",
       extract(epoch from due_at - first_failed_at)::float as "deferredSeconds",
       greatest(0, extract(epoch from claimed_until - clock_timestamp()))::float as "heldSeconds"
     from outbox where state <> 'done' order by id`,
  );
  const parts = ['worker', 'postgres', 'redis'];
  return rows.map((row) => ({
    ...row,
    fate: row.to === null ? 'accepts' : life.mailServer.fateOf(row.to),
    mayBeInDoubt: life.outages.overlap(row.committed.getTime(), Date.now(), parts),
  }));
}

/** A server may take 10 minutes to answer a mail (RFC 5321, 4.5.3.2.6), longer than its worker may live. */
const mostHeldSeconds = 12 * 60;

/** Whoever handed the mail over died before it could be told whether it is taken. */
export function isHeldInDoubt({ kind, heldSeconds, mayBeInDoubt }: OpenWork): boolean {
  return kind === 'mail' && mayBeInDoubt && heldSeconds > 0 && heldSeconds <= mostHeldSeconds;
}
