import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { WrittenPosition } from '../../origin/postgres/replicas/track-commits.ts';
import {
  parseWrittenPosition,
  type WalPosition,
  writtenPositionSql,
} from '../../origin/postgres/replicas/wal-position.ts';
import type { DbOrTx } from '../../origin/schema.ts';
import { openReplicatedShop, type ReplicatedShop } from './replicated-shop.ts';

let world: ReplicatedShop;
beforeAll(async () => {
  world = await openReplicatedShop();
});
afterEach(async () => {
  await Promise.all(world.postgres.replicas.map((replica) => world.postgres.resume(replica)));
  await world.everyoneCaughtUp();
});
afterAll(() => world[Symbol.asyncDispose]());

const fromPrimary = () => world.metric('reads_total', { source: 'primary' });
const fromReplicas = async () =>
  (await world.metric('reads_total', { source: 'replica-1' })) +
  (await world.metric('reads_total', { source: 'replica-2' }));
const pauseAll = () => Promise.all(world.postgres.replicas.map((replica) => world.postgres.pause(replica)));

test('an origin that has read nothing yet tells how far its replicas are behind', async () => {
  const lags = ['replica-1', 'replica-2'].map((replica) => world.metric('replica_lag_seconds', { replica }));
  expect(Math.max(...(await Promise.all(lags)))).toBeLessThan(10);
  await world.fit(2);
});

describe('a shopper reads what they wrote', () => {
  test('from the primary, while every replica lags behind it', async () => {
    const { shop } = world;
    const browser = shop.browser();
    await pauseAll();
    await browser.signUp('lags@example.com');
    await browser.add(shop.variants[0]!.id);
    const { body: order, headers } = await browser.order();
    expect(headers.getSetCookie().join()).toMatch(/__Host-written=\d+-[0-9a-f]+\.[\w-]+; .*Max-Age=600/);
    const before = await fromPrimary();
    expect((await browser.get('/api/orders')).body.items).toMatchObject([{ id: order.id }]);
    expect((await browser.get(`/api/orders/${order.id}`)).status).toBe(200);
    expect((await browser.get(`/orders/${order.id}`)).status).toBe(200);
    expect((await browser.get('/api/account')).body.email).toBe('lags@example.com');
    expect((await browser.get('/account')).body).toContain(order.number);
    expect(await fromPrimary()).toBeGreaterThanOrEqual(before + 5);
  });

  test('from a replica, once it has replayed the write', async () => {
    const { shop } = world;
    const browser = shop.browser();
    await browser.add(shop.variants[0]!.id);
    const { body: order } = await browser.order();
    await world.everyoneCaughtUp();
    const before = { primary: await fromPrimary(), replicas: await fromReplicas() };
    expect((await browser.get(`/api/orders/${order.id}`)).body.id).toBe(order.id);
    expect(await fromReplicas()).toBe(before.replicas + 1);
    expect(await fromPrimary()).toBe(before.primary);
  });

  test('from the primary, where the token is of another timeline, unreadable or unknown', async () => {
    const { deps } = world.shop;
    await world.everyoneCaughtUp();
    for (const written of [
      { timeline: 2, lsn: 0n },
      { timeline: 9, lsn: 1n << 60n },
      'unknown',
    ] satisfies WrittenPosition[]) {
      const before = await fromPrimary();
      expect(await deps.reads.forShopper(written, isReplica)).toBe(false);
      expect(await fromPrimary()).toBe(before + 1);
    }
    expect(await deps.reads.forShopper({ timeline: 1, lsn: 0n }, isReplica)).toBe(true);
    expect(await deps.reads.forShopper(undefined, isReplica)).toBe(true);
  });

  test('and a changed token counts as none', async () => {
    const browser = world.shop.browser();
    browser.cookies.set('__Host-written', '7-ffffffffffff.a-signature');
    const before = await fromReplicas();
    await browser.get('/api/orders');
    expect(await fromReplicas()).toBe(before + 1);
  });
});

describe('the position of a write', () => {
  /**
   * Between the statement and its commit both replicas replay all there is, then stop: a position that was taken before
   * the commit lies where they are. @returns the name that the shopper then reads
   */
  async function readAfterWriting(taken: 'after the commit' | 'inside the transaction'): Promise<string> {
    const { deps } = world.shop;
    const name = `Named ${taken}`;
    let inside: WalPosition | undefined;
    const after = await deps.commits.during(async () => {
      await deps.db.transaction().execute(async (tx) => {
        await tx.updateTable('products').set({ name }).where('slug', '=', 'plain-tee').execute();
        // Another commit writes out what lies before it, this change included.
        await sql`select pg_logical_emit_message(true, 'test', 'flushed')`.execute(deps.db);
        inside = await positionOf(tx);
        await world.everyoneCaughtUp();
        await pauseAll();
      });
    });
    const written = taken === 'after the commit' ? after : inside;
    return deps.reads.forShopper(written, async (db) => {
      const row = await db
        .selectFrom('products')
        .select('name')
        .where('slug', '=', 'plain-tee')
        .executeTakeFirst();
      return row!.name;
    });
  }

  test('taken after the commit leads to what was written', async () => {
    expect(await readAfterWriting('after the commit')).toBe('Named after the commit');
  });

  test('taken inside the transaction would not: that planted bug is found', async () => {
    expect(await readAfterWriting('inside the transaction')).not.toBe('Named inside the transaction');
  });

  test('is taken for single statements too, and not where nothing was written', async () => {
    const { deps } = world.shop;
    const during = (work: (db: DbOrTx) => Promise<unknown>) =>
      deps.commits.during(async () => {
        await work(deps.db);
      });
    expect(await during((db) => db.selectFrom('products').select('id').execute())).toBeUndefined();
    const single = await during((db) => db.updateTable('products').set({ brand: 'Norlund' }).execute());
    const raw = await during((db) => sql`update products set brand = 'Norlund'`.execute(db));
    expect([single, raw]).toEqual([
      { timeline: 1, lsn: expect.any(BigInt) },
      { timeline: 1, lsn: expect.any(BigInt) },
    ]);
    expect((raw as WalPosition).lsn > (single as WalPosition).lsn).toBe(true);
  });
});

async function isReplica(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql<{ yes: boolean }>`select pg_is_in_recovery() as yes`.execute(db);
  return rows[0]!.yes;
}

async function positionOf(db: DbOrTx): Promise<WalPosition> {
  return parseWrittenPosition((await sql.raw(writtenPositionSql).execute(db)).rows);
}
