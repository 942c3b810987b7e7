// Detects that the mail server is unreachable. Mails then stay due, instead of each failing and waiting half an hour.
import { MailFailure } from '../origin/mail/mail.ts';

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
