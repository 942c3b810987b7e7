// Lists of staff must read no more rows as the number of orders grows.
import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillOrders, tablesOfOrders } from '../../ops-scripts/bench/orders-size.ts';
import { listStaffOrders, type OrderFilter, readStaffOrder } from '../../origin/order/life/staff-orders.ts';
import { listReturns, listToShip } from '../../origin/order/life/staff-queues.ts';
import {
  countUnclearPayments,
  listUnclearPayments,
} from '../../origin/order/payment/disputed-and-unclear.ts';
import { readSales } from '../../origin/order/reports.ts';
import { listWithdrawals } from '../../origin/order/withdrawal.ts';
import { createDatabase as connect, createPool } from '../../origin/postgres/database.ts';
import type { Database, Db } from '../../origin/schema.ts';
import { listCustomers, readCustomer } from '../../origin/staff/customers.ts';
import { createDatabase, type TestDatabase } from '../support/stores.ts';

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

export function describeOrdersThatGrow(size: number): void {
  describe(`With ${size} orders`, () => {
    let database: TestDatabase;
    let patient: Db;
    /** A connection that records the statements it sends. */
    let watched: Db;
    let sent: { sql: string; parameters: readonly unknown[] }[] = [];

    beforeAll(async () => {
      database = await createDatabase();
      patient = connect(
        createPool({ url: database.url, name: 'test-fill', max: 1, queryTimeoutMs: 600_000 }),
      );
      await fillOrders((text) => sql.raw(text).execute(patient), size);
      watched = new Kysely<Database>({
        dialect: new PostgresDialect({
          pool: createPool({ url: database.url, name: 'test-plans', max: 2, queryTimeoutMs: 2_000 }),
        }),
        log: ({ query }) => {
          sent.push({ sql: query.sql, parameters: query.parameters });
        },
      });
    }, 900_000);
    afterAll(async () => {
      await watched?.destroy();
      await patient?.destroy();
      await database?.[Symbol.asyncDispose]();
    });

    /** @returns the rows that the worst statement read, and its scans of whole tables */
    async function watch(run: (db: Db) => Promise<unknown>) {
      sent = [];
      await run(watched);
      const nodes: PlanNode[][] = [];
      for (const statement of sent) nodes.push(nodesOf(await explain(patient, statement)));
      return {
        rowsRead: Math.max(...nodes.map(rowsReadBy)),
        scans: nodes
          .flat()
          .filter((node) => node['Node Type'] === 'Seq Scan' && large.has(node['Relation Name'] ?? ''))
          .map((node) => node['Relation Name']),
      };
    }

    const filters: [string, OrderFilter][] = [
      ['all', {}],
      ['those to be shipped', { fulfilment: 'open', status: 'paid' }],
      ['the cancelled ones', { status: 'cancelled' }],
      ['those of which the payment is unclear', { payment: 'unknown' }],
      ['those of which the payment failed', { payment: 'failed' }],
      ['those of a month long ago', { from: new Date('2025-02-01'), to: new Date('2025-03-01') }],
      ['one by its number', { q: `MC-00007-0000A` }],
      ['those of an e-mail', { q: 'buyer77@example.com' }],
      ['those of a name', { q: 'zoe ohara' }],
      ['those with a word that all have', { q: 'example' }],
      ['those with a common SKU', { q: 'tee-3' }],
      ['those with a rare SKU that are delivered', { q: 'rare-1', fulfilment: 'delivered' }],
      ['none', { q: 'there-is-no-such-thing' }],
    ];
    const most = 4_000;
    test.each(filters)(
      'listing %s reads a few thousand rows at most, and no table whole',
      async (_, filter) => {
        const first = await listStaffOrders(watched, { ...filter, limit: 50 });
        if (filter.q !== 'there-is-no-such-thing') expect(first.items.length).toBeGreaterThan(0);
        const cursor = first.nextCursor ?? undefined;
        for (const query of [filter, { ...filter, cursor }]) {
          const { rowsRead, scans } = await watch((db) => listStaffOrders(db, { ...query, limit: 50 }));
          expect(scans).toEqual([]);
          expect(rowsRead).toBeLessThanOrEqual(most);
        }
      },
    );

    const others: [string, (db: Db) => Promise<unknown>][] = [
      ['One order', (db) => readStaffOrder(db, '77')],
      ['What is to be shipped', (db) => listToShip(db, { limit: 50 })],
      ['What is to be shipped of a SKU', (db) => listToShip(db, { limit: 2, code: 'TEE-3' })],
      ['What is to be shipped of a number', (db) => listToShip(db, { limit: 2, code: 'MC-00007-0000A' })],
      ['Unclear payments', (db) => listUnclearPayments(db, 50)],
      ['How many payments are unclear', (db) => countUnclearPayments(db)],
      ['Withdrawals', (db) => listWithdrawals(db, 50)],
      ['The returns', (db) => listReturns(db, { status: 'requested', after: undefined, limit: 50 })],
      ['The customers', (db) => listCustomers({ db }, { limit: 50 })],
      ['Customers by e-mail', (db) => listCustomers({ db }, { q: 'buyer7', limit: 50 })],
      ['One customer', (db) => readCustomer({ db }, 'guest-77')],
    ];
    test.each(others)('%s: no more than a few thousand rows are read, and no table whole', async (_, run) => {
      const { rowsRead, scans } = await watch(run);
      expect(scans).toEqual([]);
      expect(rowsRead).toBeLessThanOrEqual(most);
    });

    test('A report reads the orders of its time by an index, part after part, and no others', async () => {
      const period = { from: new Date('2025-03-01'), to: new Date('2025-05-01') };
      for (const by of ['day', 'product', 'country'] as const) {
        const { scans } = await watch((db) => readSales(db, by, period));
        expect(scans).not.toContain('orders');
        const rows = await readSales(watched, by, period);
        const sold = await sql<{ orders: number }>`
          select count(*)::integer as orders from orders o join payments p on p.order_id = o.id
          where placed_at >= ${period.from} and placed_at < ${period.to} and o.status <> 'cancelled' and p.status = 'paid'`.execute(
          patient,
        );
        expect(rows.reduce((sum, { orders }) => sum + orders, 0)).toBe(sold.rows[0]!.orders);
      }
    });

    test('each list answers within a second, whatever else this machine does', async () => {
      const slow: string[] = [];
      for (const [name, filter] of filters) {
        const times: number[] = [];
        for (let turn = 0; turn < 3; turn += 1) {
          const startedAtMs = performance.now();
          await listStaffOrders(watched, { ...filter, limit: 50 });
          times.push(performance.now() - startedAtMs);
        }
        const medianMs = times.sort((a, b) => a - b)[1]!;
        if (process.env['TIMES']) process.stdout.write(`${medianMs.toFixed(0).padStart(5)} ms  ${name}\n`);
        if (medianMs > 1_000) slow.push(`${name} ${medianMs}`);
      }
      expect(slow).toEqual([]);
    });
  });
}

const large = new Set(tablesOfOrders);

async function explain(
  db: Db,
  statement: { sql: string; parameters: readonly unknown[] },
): Promise<PlanNode> {
  const pieces = `explain (analyze, format json) ${statement.sql}`.split(/(\$\d+)/);
  const query = sql.join(
    pieces.map((piece) =>
      /^\$\d+$/.test(piece) ? sql`${statement.parameters[Number(piece.slice(1)) - 1]}` : sql.raw(piece),
    ),
    sql.raw(''),
  );
  const { rows } = await sql<{ 'QUERY PLAN': { Plan: PlanNode }[] }>`${query}`.execute(db);
  return rows[0]!['QUERY PLAN'][0]!.Plan;
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** Counts the rows that scans found, and those that they read and filtered out. */
function rowsReadBy(nodes: PlanNode[]): number {
  return nodes
    .filter((node) => / Scan$/.test(node['Node Type']) && large.has(node['Relation Name'] ?? ''))
    .reduce((sum, node) => {
      const passed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
      return sum + ((node['Actual Rows'] ?? 0) + passed) * (node['Actual Loops'] ?? 0);
    }, 0);
}
