// Tells a job that fails by itself from one that met an outage: the first is set aside in the end, the second is never given up.
import { isPostgresAway } from '../origin/postgres/postgres-errors.ts';
import { isRedisAway } from '../origin/redis/redis-errors.ts';

/** Thrown by a job where what it needs is away or belongs to another worker just now. */
export class Outage extends Error {
  override readonly name = 'Outage';
}

/** The mail transport's codes for a server that was not reached. */
const mailServerAway = new Set(['ECONNECTION', 'ESOCKET', 'EDNS', 'ETIMEDOUT']);

export function isOutage(error: unknown): boolean {
  if (error instanceof Outage || isRedisAway(error) || isPostgresAway(error)) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return mailServerAway.has(code);
}
