// Distinguishes an outage from a failure of the job itself, so that an outage never makes a dead letter.
// Detects an unreachable mail server, so that mails wait.

import { MailFailure } from '../origin/mail/mail.ts';
import { isPostgresAway } from '../origin/postgres/postgres-errors.ts';
import { isRedisAway } from '../origin/redis/connect.ts';

/** Thrown by a job if a store or service is unreachable, or another worker holds what it needs. */
export class Outage extends Error {
  override readonly name = 'Outage';
}

/** Stripe's SDK has these types for a failed connection, a fault of Stripe, and too many requests. */
const stripeAway = new Set(['StripeConnectionError', 'StripeAPIError', 'StripeRateLimitError']);

export function isOutage(error: unknown): boolean {
  if (error instanceof Outage || isRedisAway(error) || isPostgresAway(error)) return true;
  if (!(error instanceof Error)) return false;
  const { type } = error as { type?: unknown };
  return stripeAway.has(String(type));
}

/** Tolerates single refusals by a server with too many connections. */
const mostInARow = 20;
const pauseMs = 10_000;

export interface MailOutage {
  /** Call with each attempt's outcome; undefined where the mail was sent. */
  note(error: unknown): void;
  isOn(): boolean;
}

/** After each pause some mails are tried, which shows whether the server is back. */
export function createMailOutage(nowMs: () => number = () => performance.now()): MailOutage {
  let inARow = 0;
  let pausedUntilMs = 0;
  return {
    note(error) {
      const isUnreachable = error instanceof MailFailure && error.isUnreachable;
      inARow = isUnreachable ? inARow + 1 : 0;
      if (inARow >= mostInARow) pausedUntilMs = nowMs() + pauseMs;
      else if (!isUnreachable) pausedUntilMs = 0;
    },
    isOn: () => nowMs() < pausedUntilMs,
  };
}
