// A writer that keeps a ledger: which rows were acknowledged, and which of them are missing afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { withPostgres } from '../../ops-scripts/local/postgres.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';

export interface RowLedger {
  acknowledged(): number;
  reaches(count: number): Promise<void>;
  /** Stops writing and compares. */
  close(): Promise<{ lost: number[]; longestGapMs: number }>;
}

/** @param url the address for writes, whichever server has it */
export async function startLedger(url: string): Promise<RowLedger> {
  const table = `ledger_${Date.now()}`;
  await withPostgres(url, (client) => client.query(`create table ${table} (id integer primary key)`));
  const acknowledged: number[] = [];
  let next = 0;
  let closing = false;
  let lastAt = performance.now();
  let longestGapMs = 0;

  const write = async () => {
    while (!closing) {
      try {
        await withPostgres(
          url,
          async (client) => {
            while (!closing) {
              const id = next++;
              await client.query(`insert into ${table} values ($1)`, [id]);
              acknowledged.push(id);
              longestGapMs = Math.max(longestGapMs, performance.now() - lastAt);
              lastAt = performance.now();
            }
          },
          1_500,
        );
      } catch {
        await sleep(50);
      }
    }
  };
  const writing = write();

  return {
    acknowledged: () => acknowledged.length,
    reaches: async (count) => {
      await waitUntil(() => acknowledged.length >= count, { what: `${count} rows`, deadlineMs: 30_000 });
    },
    close: async () => {
      closing = true;
      await writing;
      const { rows } = await withPostgres(url, (client) => client.query(`select id from ${table}`));
      const present = new Set(rows.map((row) => row.id));
      return { lost: acknowledged.filter((id) => !present.has(id)), longestGapMs };
    },
  };
}
