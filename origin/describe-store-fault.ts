// Describes why a store cannot be reached, in one sentence with host and port and without secrets. Says which errors
// mean only that.
import { isPostgresAway } from './postgres/postgres-errors.ts';
import { isRedisAway } from './redis/connect.ts';

/** What our connections ask of a session at their start, and pgbouncer cannot promise where sessions are shared. */
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

/** @param error of the driver; its causes are looked at too. */
export function storeFaultReason(error: unknown): string {
  for (const each of withCauses(error)) {
    const reason = reasonOf(each);
    if (reason !== undefined) return reason;
  }
  const message = error instanceof Error ? error.message.split('\n')[0]! : '';
  // What holds an address may hold its password.
  return message === '' || message.includes('//') ? 'no answer' : message;
}

export function describeStoreFault(store: string, url: string, defaultPort: number, error: unknown): string {
  return `Cannot reach ${store} at ${placeOf(url, defaultPort)}: ${storeFaultReason(error)}`;
}

/** Host and port. */
export function placeOf(url: string, defaultPort: number): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || defaultPort}`;
}

/**
 * An error of our drivers that only says that the store is away; the same code may come from a mail server or a
 * payment provider.
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
