// What is still to be done by the shop, and whom a mail is for.
import type { Life } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import type { Fate } from '../shop/mail-server.ts';

export interface OpenWork {
  id: string;
  kind: string;
  state: 'pending' | 'dead';
  attempt: number;
  failure: string | null;
  /** Seconds until it is tried; below zero where it is late. */
  dueInSeconds: number;
  /** A mail's address, and what its server does. */
  to: string | null;
  fate: Fate;
  /** A mail's order. */
  orderId: string | null;
  /** How often the mail server was given the mail or refused it. */
  triesSeen: number;
}

export async function readOpenWork(life: Life): Promise<OpenWork[]> {
  const rows = await askPostgres<Omit<OpenWork, 'fate' | 'triesSeen'>>(
    life.shop,
    `select id, kind, state, attempt, failure, payload ->> 'to' as to, payload -> 'data' ->> 'orderId' as "orderId",
       extract(epoch from due_at - clock_timestamp())::float as "dueInSeconds"
     from outbox where state <> 'done' order by id`,
  );
  const { mailServer } = life;
  return rows.map((row) => {
    const sameAddress = ({ to }: { to: string }) => to.toLowerCase() === row.to?.toLowerCase();
    const copies = mailServer.copies.filter(sameAddress).length;
    const refusals = mailServer.refusals.filter(sameAddress).length;
    return {
      ...row,
      fate: row.to === null ? 'accepts' : mailServer.fateOf(row.to),
      triesSeen: copies + refusals,
    };
  });
}
