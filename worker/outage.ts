// Distinguishes an outage from a failure of the job itself. A job that met an outage is never given up; mails have a
// schedule of their own.
import { isPostgresAway } from '../origin/postgres/postgres-errors.ts';
import { isRedisAway } from '../origin/redis/connect.ts';

/** Thrown by a job where what it needs is away or belongs to another worker just now. */
export class Outage extends Error {
  override readonly name = 'Outage';
}

/** The SDK's types for a Stripe that was not reached, failed by itself, or had too much to do. */
const stripeAway = new Set(['StripeConnectionError', 'StripeAPIError', 'StripeRateLimitError']);

export function isOutage(error: unknown): boolean {
  if (error instanceof Outage || isRedisAway(error) || isPostgresAway(error)) return true;
  if (!(error instanceof Error)) return false;
  const { type } = error as { type?: unknown };
  return stripeAway.has(String(type));
}
