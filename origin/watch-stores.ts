// Checks each store every second, logs each reason why one is unreachable once, and sets the metric `store_up`.
// Describes store faults in one sentence.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import type { Settings } from './config.ts';
import { createPool } from './postgres/database.ts';
import { isPostgresAway } from './postgres/postgres-errors.ts';
import { connectRedis, isRedisAway } from './redis/connect.ts';

export interface StoreMetricsWatch extends AsyncDisposable {}

interface Watched {
  /** Label in metrics. */
  label: string;
  /** Name in sentences. */
  name: string;
  url: string;
  defaultPort: number;
  ask: () => Promise<unknown>;
  /** At least how far this process's clock is from that of the store; undefined where it did not say. */
  clockOffsetSeconds?: number | undefined;
  close: () => unknown;
}

const everyMs = 1_000;
const deadlineMs = 2_000;
/** Faults shorter than this are not logged: stores may start together with this process, and failovers are short. */
const patienceMs = 2_500;

export function watchStores(
  settings: Pick<Settings, 'databaseUrl' | 'databaseReplicaUrls' | 'redisUrls' | 'zone' | 'instance'>,
  log: Logger,
  registry: Registry,
  now: () => number = Date.now,
): StoreMetricsWatch {
  const name = `${settings.zone}/${settings.instance} watch`;
  const primary = watchPostgres({
    label: 'postgres',
    storeName: 'Postgres',
    url: settings.databaseUrl,
    name,
    now,
  });
  const stores = [
    primary,
    ...settings.databaseReplicaUrls.map((url, index) => {
      const label = `postgres-replica-${index + 1}`;
      return watchPostgres({ label, storeName: 'the replica of Postgres', url, name, now });
    }),
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
  new Gauge({
    name: 'clock_offset_seconds',
    help: 'At least how far the clock of this machine is from that of Postgres',
    registers: [registry],
    collect() {
      this.remove();
      if (primary.clockOffsetSeconds !== undefined) this.set(primary.clockOffsetSeconds);
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

interface WatchedPostgres {
  label: string;
  storeName: string;
  url: string;
  name: string;
  now: () => number;
}

function watchPostgres({ label, storeName, url, name, now }: WatchedPostgres): Watched {
  const pool = createPool({
    url,
    name,
    max: 1,
    connectTimeoutMs: deadlineMs,
    queryTimeoutMs: deadlineMs,
    onError: () => undefined,
  });
  const watched: Watched = {
    label,
    name: storeName,
    url,
    defaultPort: 5432,
    async ask() {
      watched.clockOffsetSeconds = undefined;
      const askedAtMs = now();
      const { rows } = await pool.query<{ toldMs: number }>(
        'select extract(epoch from clock_timestamp())::float * 1000 as "toldMs"',
      );
      // Postgres read its clock between our two readings, so only what lies outside of them counts.
      const offsetMs = Math.max(0, askedAtMs - rows[0]!.toldMs, rows[0]!.toldMs - now());
      watched.clockOffsetSeconds = offsetMs / 1_000;
    },
    close: () => pool.end(),
  };
  return watched;
}

/** The reason of a failed connection comes as an event. A command reports only that there is no connection. */
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
      // A single address of a cluster would serve only its share of the keys.
      if (urls.length === 1 && (await redis.info('cluster').catch(() => '')).includes('cluster_enabled:1'))
        throw new Error('a cluster');
      // Writes a key, because write permission is what a Redis user most often lacks. Nearly everybody may PING.
      await redis.set('watch', '1', 'PX', 60_000).catch((error: Error) => {
        // A store that answers with these errors is reachable, even if it cannot write now.
        if (/^(OOM|READONLY|MISCONF|NOREPLICAS)/.test(error.message)) return;
        const isOurs = /^(Stream isn't|Connection is closed|Cluster isn't|None of)/.test(error.message);
        throw isOurs ? (lastFault ?? error) : error;
      });
      lastFault = undefined;
    },
    close: () => redis.disconnect(),
  };
}

// Describes in one sentence why a store is unreachable, with host and port and without secrets. Decides which errors
// mean only that.

/** Session parameters that our connections set, and that pgbouncer refuses where it shares sessions. */
const ignoredByPgbouncer =
  'extra_float_digits, options, statement_timeout, idle_in_transaction_session_timeout';
const noRights = 'this user has not the rights that it needs';
const reasons: [pattern: RegExp, reason: string][] = [
  [/^(28\w{3}|WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH)/, 'user or password refused'],
  [/^(42501|NOPERM)/, noRights],
  [/^3D000/, 'there is no such database'],
  [/^53300/, 'it takes no more connections'],
  [/^(57P03|LOADING)/, 'it is starting'],
  [/^57P0/, 'it is being stopped'],
  [/^ECONNREFUSED/, 'connection refused'],
  [/^(ENOTFOUND|EAI_AGAIN)/, 'no such host'],
  [/^(EHOSTUNREACH|ENETUNREACH)/, 'no way leads there'],
  [/^(ECONNRESET|EPIPE|Connection is closed|Connection terminated unexpectedly)/, 'the connection was cut'],
  [
    /^(SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER)/,
    'its certificate is signed by an unknown authority; NODE_EXTRA_CA_CERTS names a file with more of them',
  ],
  [/^ERR_TLS_CERT_ALTNAME/, 'its certificate is made out to another name'],
  [/^CERT_HAS_EXPIRED/, 'its certificate has expired'],
  [
    /^(unsupported startup parameter|08P01.*startup)/,
    `pgbouncer refuses settings of a session; set ignore_startup_parameters = ${ignoredByPgbouncer} in pgbouncer.ini`,
  ],
  [/^MOVED|^a cluster$/, 'it is a cluster; set REDIS_CLUSTER to on'],
  [/^The server does not support SSL/, 'it does not speak TLS'],
  [
    /^(ETIMEDOUT|timeout expired|timeout exceeded|Query read|Command timed out|Socket timeout|Connection terminated due)/,
    'no answer',
  ],
  [
    /^ERR This instance has cluster support disabled/,
    'it is no cluster; REDIS_URL names several servers only for a cluster',
  ],
];

function reasonOf(error: unknown): string | undefined {
  const { code = '', message = '' } = error as { code?: unknown; message?: string };
  return reasons.find(([pattern]) => pattern.test(String(code)) || pattern.test(message))?.[1];
}

/** @param error of the driver; its causes are searched too */
export function storeFaultReason(error: unknown): string {
  for (const each of withCauses(error)) {
    const reason = reasonOf(each);
    if (reason !== undefined) return reason;
  }
  const message = error instanceof Error ? error.message.split('\n')[0]! : '';
  // A message with an address may contain the password.
  return message === '' || message.includes('//') ? 'no answer' : message;
}

export function describeStoreFault(store: string, url: string, defaultPort: number, error: unknown): string {
  return `Cannot reach ${store} at ${placeOf(url, defaultPort)}: ${storeFaultReason(error)}`;
}

/** Host and port of a URL. */
export function placeOf(url: string, defaultPort: number): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || defaultPort}`;
}

/**
 * Whether an error comes from a store's driver and means only that the store is unreachable. The same code may come
 * from a mail server or a payment provider.
 */
export function isStoreFault(error: unknown): boolean {
  return withCauses(error).some((each) => {
    if (!(each instanceof Error)) return false;
    if (isRedisAway(each) || /^(WRONGPASS|NOAUTH|NOPERM)/.test(each.message)) return true;
    const ofDriver = /node_modules\/(pg|pg-pool|pg-protocol|kysely|ioredis)\//.test(each.stack ?? '');
    const known = reasonOf(each);
    return ofDriver && (isPostgresAway(each) || (known !== undefined && known !== noRights));
  });
}

function withCauses(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [error];
  const more = error instanceof AggregateError ? error.errors : [];
  const last = 'lastNodeError' in error ? [error.lastNodeError] : [];
  const cause = error.cause === undefined ? [] : [error.cause];
  return [error, ...[...more, ...last, ...cause].flatMap(withCauses)];
}
