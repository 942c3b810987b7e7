// The region's stores lose nothing and come back: each is killed or frozen under writes, then every acknowledged row is
// counted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { withPostgres } from '../../ops-scripts/local/postgres.ts';
import { withRedis } from '../../ops-scripts/local/redis.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import { type RunningBalancer, startBalancer } from '../../ops-scripts/region/balancer.ts';
import {
  keepStores,
  placeStores,
  type RegionStores,
  type StorePlaces,
  startPrimaries,
} from '../../ops-scripts/region/region-stores.ts';
import { startLedger } from './row-ledger.ts';

const folder = mkdtempSync(join(tmpdir(), 'myclothes-region-'));
const events: string[] = [];
let places: StorePlaces;
let balancer: RunningBalancer;
let stores: RegionStores;

beforeAll(async () => {
  const { signal } = new AbortController();
  const toolsFolder = join(folder, 'tools');
  places = await placeStores({
    regionFolder: folder,
    toolsFolder,
    passwords: { postgres: 'one', redis: 'other' },
  });
  await startPrimaries(places, signal);
  balancer = await startBalancer({
    plan: {
      storefrontPort: await findFreePort(),
      host: '127.0.0.1',
      origins: [],
      sticky: false,
      stores: places.endpoints,
    },
    folder: join(folder, 'balancer'),
    logFile: join(folder, 'logs', 'balancer.log'),
    toolsFolder,
    signal,
    onEvent: (sentence) => events.push(sentence),
    onStarted: () => {},
  });
  stores = keepStores({
    places,
    balancer,
    onEvent: (sentence) => events.push(sentence),
    onStarted: () => {},
  });
  await stores.whole();
});

afterAll(async () => {
  await stores?.stop();
  await balancer?.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Role = 'primary' | 'standby' | 'replica';

/** Hurts the member that has this role. Returns when its process has changed and everything is whole again. */
async function hurtPostgres(role: Role, signal: NodeJS.Signals) {
  const member = stores.postgres.topology()[role];
  const pid = member.server!.pid;
  process.kill(pid, signal);
  await waitUntil(() => member.server!.pid !== pid, {
    what: `${member.name} to be replaced`,
    deadlineMs: 30_000,
  });
  await stores.whole();
  return member;
}

test.each([
  ['primary', 'SIGKILL'],
  ['primary', 'SIGSTOP'],
  ['standby', 'SIGKILL'],
  ['standby', 'SIGSTOP'],
  ['replica', 'SIGKILL'],
] as const)(
  'no acknowledged row is lost when the Postgres %s gets %s, and it returns on its address',
  async (role, signal) => {
    const ledger = await startLedger(places.databaseUrl);
    await ledger.reaches(50);
    const member = await hurtPostgres(role, signal);
    await ledger.reaches(ledger.acknowledged() + 50);
    const { lost, longestGapMs } = await ledger.close();
    expect(lost).toEqual([]);
    expect(longestGapMs).toBeLessThan(15_000);
    const { rows } = await withPostgres(member.url, (client) =>
      client.query('select pg_is_in_recovery() as follows'),
    );
    expect(rows).toEqual([{ follows: true }]);
  },
);

test('the replica streams from the standby, never from the primary', async () => {
  const { standby, replica } = stores.postgres.topology();
  const senders = await withPostgres(replica.url, (client) =>
    client.query('select sender_port from pg_stat_wal_receiver'),
  );
  expect(senders.rows).toEqual([{ sender_port: standby.port }]);
});

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'what the Redis replica confirmed is there after its primary got %s',
  async (signal) => {
    const primary = stores.redis.primary();
    await withRedis(places.redisUrl, async (redis) => {
      // A primary counts a replica only after its first REPLCONF ACK, up to a second after the link is up.
      const confirmed = async () => {
        await redis.set(`kept-${signal}`, 'yes');
        return (await redis.wait(1, 500)) === 1;
      };
      await waitUntil(confirmed, { what: 'the replica to confirm the write', deadlineMs: 20_000 });
    });
    const pid = primary.server!.pid;
    process.kill(pid, signal);
    await waitUntil(() => stores.redis.primary() !== primary && primary.server!.pid !== pid, {
      what: 'the replica to take over',
      deadlineMs: 20_000,
    });
    await stores.whole();
    expect(await withRedis(places.redisUrl, (redis) => redis.get(`kept-${signal}`))).toBe('yes');
    expect(await withRedis(primary.url, (redis) => redis.get(`kept-${signal}`))).toBe('yes');
  },
);

test('The balancer leads to the present primaries after it was killed', async () => {
  const { pid } = balancer.part();
  process.kill(pid, 'SIGKILL');
  await waitUntil(() => balancer.part().pid !== pid, { what: 'the balancer to return', deadlineMs: 10_000 });
  const { rows } = await withPostgres(places.databaseUrl, (client) =>
    client.query('select pg_is_in_recovery() as follows'),
  );
  expect(rows).toEqual([{ follows: false }]);
  expect(await withRedis(places.redisUrl, (redis) => redis.set('writable', 'yes'))).toBe('OK');
});
