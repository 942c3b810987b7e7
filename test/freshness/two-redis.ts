// Two real Redis servers, one of them the primary. They are emptied, copied and failed over in milliseconds, each
// with its own run id.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { defineCacheScripts } from '../../origin/invalidation/floors.ts';
import { type RunId, trackRunId } from '../../origin/redis/versioned-reads.ts';
import { type PrivateStore, startRedis } from '../support/stores.ts';

export interface TwoRedis extends AsyncDisposable {
  /** Leads to the server that is the primary when a command is given. */
  client: Redis;
  /** The run id of the present primary. */
  server: RunId;
  /** Empties both, and makes the first one the primary. */
  reset(): Promise<void>;
  empty(): Promise<void>;
  copy(): Promise<void>;
  /**
   * The other server takes over with its own data. The former primary stays as it is, as a replica that lags behind.
   */
  failOver(): Promise<void>;
}

/** A port without a primary. A replica of it keeps its data. */
const nowhere = 1;

export async function startTwoRedis(): Promise<TwoRedis> {
  const stores: PrivateStore[] = await Promise.all(
    [0, 1].map(() => startRedis({ appendonly: 'no', save: '', 'replica-read-only': 'no' })),
  );
  const clients = stores.map(({ url }) =>
    new Redis(url, { retryStrategy: () => 1 }).on('error', () => undefined),
  );
  const servers = clients.map((client) => trackRunId(client));
  for (const client of clients) defineCacheScripts(client);
  const knowTheirServers = () =>
    vi.waitFor(
      () => {
        if (servers.some((server) => server.current() === undefined)) throw new Error('not connected yet');
      },
      { timeout: 20_000, interval: 2 },
    );
  await knowTheirServers();
  await clients[1]!.replicaof('127.0.0.1', nowhere);
  let primary = 0;
  const client = new Proxy(clients[0]!, {
    get(_, name) {
      const present = clients[primary]!;
      const member: unknown = Reflect.get(present, name);
      return typeof member === 'function' ? member.bind(present) : member;
    },
  });
  const other = () => clients[1 - primary]!;
  const failOver = async () => {
    primary = 1 - primary;
    await other().replicaof('127.0.0.1', nowhere);
    await clients[primary]!.replicaof('NO', 'ONE');
    // Does what a load balancer does that closes connections to the former primary.
    const closed = once(clients[primary]!, 'close');
    clients[primary]!.disconnect(true);
    await closed;
    await knowTheirServers();
  };
  return {
    client,
    server: { current: () => servers[primary]!.current() },
    async reset() {
      await Promise.all(clients.map((each) => each.flushall()));
      if (primary === 1) await failOver();
    },
    empty: async () => void (await clients[primary]!.flushall()),
    async copy() {
      const from = clients[primary]!;
      await other().flushall();
      for (const key of await from.keys('*')) {
        const value = await from.dumpBuffer(key);
        if (value !== null) await other().restore(key, 0, value);
      }
    },
    failOver,
    async [Symbol.asyncDispose]() {
      for (const each of clients) each.disconnect();
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    },
  };
}
