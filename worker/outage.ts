// Tells a job that fails by itself from one that met an outage: the first is set aside in the end, the second is never given up.
import { isPostgresAway } from '../origin/postgres/postgres-errors.ts';
import { isRedisAway } from '../origin/redis/redis-errors.ts';

/** Thrown by a job where what it needs is away or belongs to another worker just now. */
export class Outage extends Error {
  override readonly name = 'Outage';
}

/** The mail transport's codes for a server that was not reached. */
const mailServerAway = new Set(['ECONNECTION', 'ESOCKET', 'EDNS', 'ETIMEDOUT']);
/** Its answers that ask to come again later, greylisting among them (RFC 5321, 4.2.3). */
const mailServerBusy = new Set([421, 450, 451]);
/** The SDK's types for a Stripe that was not reached, failed by itself, or had too much to do. */
const stripeAway = new Set(['StripeConnectionError', 'StripeAPIError', 'StripeRateLimitError']);

export function isOutage(error: unknown): boolean {
  if (error instanceof Outage || isRedisAway(error) || isPostgresAway(error)) return true;
  if (!(error instanceof Error)) return false;
  const { code, responseCode, type } = error as { code?: unknown; responseCode?: unknown; type?: unknown };
  return (
    mailServerAway.has(String(code)) ||
    mailServerBusy.has(Number(responseCode)) ||
    stripeAway.has(String(type))
  );
}
