// Checks each store every second: logs why one is unreachable, once for each reason, and sets the metric `store_up`.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import type { Settings } from './config.ts';
import { describeStoreFault, placeOf } from './describe-store-fault.ts';
import { createPool } from './postgres/database.ts';
import { connectRedis } from './redis/connect.ts';

export interface StoreMetricsWatch extends AsyncDisposable {}

interface Watched {
  /** In metrics. */
  label: string;
  /** In sentences. */
  name: string;
  url: string;
  defaultPort: number;
  ask: () => Promise<unknown>;
  close: () => unknown;
}

const everyMs = 1_000;
const deadlineMs = 2_000;
/** Stores that are started together with this process need a moment, and a failover is no news before it is over. */
const patienceMs = 2_500;

export function watchStores(
  settings: Pick<Settings, 'databaseUrl' | 'databaseReplicaUrls' | 'redisUrls' | 'zone' | 'instance'>,
  log: Logger,
  registry: Registry,
): StoreMetricsWatch {
  const name = `${settings.zone}/${settings.instance} watch`;
  const stores = [
    watchPostgres('postgres', 'Postgres', settings.databaseUrl, name),
    ...settings.databaseReplicaUrls.map((url, index) =>
      watchPostgres(`postgres-replica-${index + 1}`, 'the replica of Postgres', url, name),
    ),
    watchRedis(settings.redisUrls, name),
  ];
  const up = new Map<string, boolean>();
  new Gauge({
    name: 'store_up',
    help: 'Whether the store answers this process (1) or not (0)',
    labelNames: ['store'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [store, answers] of up) this.set({ store }, answers ? 1 : 0);
    },
  });
  const stopping = new AbortController();
  const loops = stores.map((store) => watch(store, up, log, stopping.signal));
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(loops);
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}

async function watch(
  store: Watched,
  up: Map<string, boolean>,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  let logged: string | undefined;
  let awaySinceMs: number | undefined;
  while (!stop.aborted) {
    try {
      await store.ask();
      up.set(store.label, true);
      if (logged !== undefined)
        log.info(`Reached ${store.name} at ${placeOf(store.url, store.defaultPort)} again`);
      logged = undefined;
      awaySinceMs = undefined;
    } catch (error) {
      if (stop.aborted) return;
      up.set(store.label, false);
      awaySinceMs ??= performance.now();
      const sentence = describeStoreFault(store.name, store.url, store.defaultPort, error);
      if (sentence !== logged && performance.now() - awaySinceMs >= patienceMs) {
        log.warn(sentence);
        logged = sentence;
      }
    }
    await delay(everyMs, undefined, { signal: stop, ref: false }).catch(() => undefined);
  }
}

function watchPostgres(label: string, storeName: string, url: string, name: string): Watched {
  const pool = createPool({
    url,
    name,
    max: 1,
    connectTimeoutMs: deadlineMs,
    queryTimeoutMs: deadlineMs,
    onError: () => undefined,
  });
  return {
    label,
    name: storeName,
    url,
    defaultPort: 5432,
    ask: () => pool.query('select 1'),
    close: () => pool.end(),
  };
}

/** The reason why a connection failed comes as an event; a command only says that there is none. */
function watchRedis(urls: string[], name: string): Watched {
  let lastFault: Error | undefined;
  const redis = connectRedis({
    urls,
    name: name.replaceAll(/[^\w/-]/g, '-'),
    commandTimeoutMs: deadlineMs,
    onError: (error) => {
      lastFault = error;
    },
  });
  return {
    label: 'redis',
    name: urls.length > 1 ? 'the cluster of Redis' : 'Redis',
    url: urls[0]!,
    defaultPort: 6379,
    async ask() {
      // One address of a cluster would serve only its own share of the keys.
      if (urls.length === 1 && (await redis.info('cluster').catch(() => '')).includes('cluster_enabled:1'))
        throw new Error('a cluster');
      // A write right is what a user of Redis most often lacks; PING is allowed to nearly everybody.
      await redis.set('watch', '1', 'PX', 60_000).catch((error: Error) => {
        // What answers is reached, whatever it cannot do just now.
        if (/^(OOM|READONLY|MISCONF|NOREPLICAS)/.test(error.message)) return;
        const isOurs = /^(Stream isn't|Connection is closed|Cluster isn't|None of)/.test(error.message);
        throw isOurs ? (lastFault ?? error) : error;
      });
      lastFault = undefined;
    },
    close: () => redis.disconnect(),
  };
}
