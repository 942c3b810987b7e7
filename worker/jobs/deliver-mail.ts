// The mail job: renders the mail of an outbox row and hands it to the transport.
import type { Deps } from '../../origin/deps.ts';
import type { MailAttempt } from '../../origin/mail/mail.ts';
import { createTransport } from '../../origin/mail/transport.ts';
import type { OutboxPayloads } from '../../origin/outbox/events.ts';
import { prepareMail } from '../../origin/prepare-mail.ts';

type Payload = OutboxPayloads['mail'];
type MailJob = MailAttempt & { note?: (step: string) => void };

/** @throws MailFailure where the mail could not leave */
export async function deliverMail(deps: Deps, payload: Payload, job: MailJob): Promise<void> {
  const mail = await prepareMail(deps, payload, job.id);
  // Nobody to write to: an e-mail without an account, an order whose buyer was deleted.
  if (mail === undefined) return job.note?.('nobody to write to');
  job.note?.('mail rendered');
  await createTransport(deps.settings).send(mail, job);
  job.note?.(deps.settings.smtpUrl === undefined ? 'mail written to a file' : 'mail taken by its server');
}
