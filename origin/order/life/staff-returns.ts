// The queue of returns for staff: oldest first.
import { sql } from 'kysely';
import type { Db } from '../../schema.ts';
import type { ReturnStatus } from '../tables.ts';

export interface StaffReturn {
  id: string;
  number: string;
  orderId: string;
  email: string | null;
  reason: string;
  /** As announced. */
  pieces: number;
  requestedAt: string;
}

/**
 * What is announced is shown oldest first; what is done, newest first. Index: returns_by_status
 * @param after the id of the last return that was shown
 */
export async function listReturns(
  db: Db,
  { status, after, limit }: { status: ReturnStatus; after: string | undefined; limit: number },
): Promise<StaffReturn[]> {
  const isQueue = status === 'requested';
  const direction = isQueue ? sql`asc` : sql`desc`;
  const behind =
    after === undefined ? sql`true` : isQueue ? sql`r.id > ${after}::bigint` : sql`r.id < ${after}::bigint`;
  const { rows } = await sql<Omit<StaffReturn, 'requestedAt'> & { requestedAt: Date }>`
    select r.id::text as id, r.number, r.order_id::text as "orderId", o.email, r.reason,
      (select coalesce(sum(quantity), 0)::integer from return_lines l where l.return_id = r.id) as pieces,
      r.requested_at as "requestedAt"
    from returns r join orders o on o.id = r.order_id
    where r.status = ${status} and ${behind}
    order by r.id ${direction} limit ${limit}`.execute(db);
  return rows.map((row) => ({ ...row, requestedAt: row.requestedAt.toISOString() }));
}
