// Distinguishes an outage from a failure of the job itself, so that the job is never given up; and finds out that the
// mail server is away, so that mails wait.

import { MailFailure } from '../origin/mail/mail.ts';
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

/** Some may be refused a connection by a server that has too many. */
const mostInARow = 20;
const pauseMs = 10_000;

export interface MailOutage {
  /** Call with each attempt's outcome; undefined where the mail was sent. */
  note(error: unknown): void;
  isOn(): boolean;
}

/** After each pause some are tried again: they find out whether the server is back. */
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
