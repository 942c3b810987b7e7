// The mail job: renders the mail of an outbox row and hands it to the transport.
import { prepareResetMail, resetTemplate } from '../../origin/account/reset-password.ts';
import type { Deps } from '../../origin/deps.ts';
import type { Mail, MailAttempt } from '../../origin/mail/mail.ts';
import { createTransport } from '../../origin/mail/transport.ts';
import { lookUpTemplate, prepareOrderLink } from '../../origin/order/life/look-up-order.ts';
import { isOrderNews, prepareOrderNews } from '../../origin/order/life/order-news.ts';
import { orderTemplate, prepareOrderMail } from '../../origin/order/order-mail.ts';
import { prepareWithdrawalMail, withdrawalTemplate } from '../../origin/order/withdrawal.ts';
import type { OutboxPayloads } from '../../origin/outbox/events.ts';

type Payload = OutboxPayloads['mail'];
type MailJob = MailAttempt & { note?: (step: string) => void };

/** @throws MailFailure where the mail could not leave */
export async function deliverMail(deps: Deps, payload: Payload, job: MailJob): Promise<void> {
  const mail = await prepare(deps, payload, job.id);
  // Nobody to write to: an e-mail without an account, an order whose buyer was deleted.
  if (mail === undefined) return job.note?.('nobody to write to');
  job.note?.('mail rendered');
  await createTransport(deps.settings).send(mail, job);
  job.note?.(deps.settings.smtpUrl === undefined ? 'mail written to a file' : 'mail taken by its server');
}

async function prepare(
  deps: Deps,
  { to, template, data }: Payload,
  jobId: string,
): Promise<Mail | undefined> {
  switch (template) {
    case resetTemplate:
      return prepareResetMail(deps, to, jobId);
    case orderTemplate:
      return prepareOrderMail(deps, to, data);
    case lookUpTemplate:
      return prepareOrderLink(deps, to, data);
    case withdrawalTemplate:
      return prepareWithdrawalMail(deps, to, data);
    default:
      if (isOrderNews(template)) return prepareOrderNews(deps, to, template, data);
      throw new Error(`Cannot send a mail as there is no template '${template}'`);
  }
}
