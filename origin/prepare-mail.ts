// Lists all kinds of mail and the functions that write them, for the worker that sends them and for previews.
import { confirmationTemplate, noticeTemplate, prepareEmailChangeMail } from './account/change-email.ts';
import { prepareResetMail, resetTemplate } from './account/reset-password.ts';
import type { Deps } from './deps.ts';
import type { Mail } from './mail/mail.ts';
import { lookUpTemplate, prepareOrderLink } from './order/guest-orders.ts';
import { orderNews, prepareOrderNews } from './order/life/order-news.ts';
import { orderTemplate, prepareOrderMail } from './order/order-mail.ts';
import { prepareWithdrawalMail, withdrawalTemplate } from './order/withdrawal.ts';
import type { OutboxPayloads } from './outbox/events.ts';

type Payload = OutboxPayloads['mail'];

/** @param jobId the same for every attempt of one mail */
type WriteMail = (deps: Deps, mail: Payload, jobId: string) => Promise<Mail | undefined>;

const writers: Record<string, WriteMail> = {
  [orderTemplate]: (deps, { to, data }) => prepareOrderMail(deps, to, data),
  ...Object.fromEntries(
    orderNews.map((template): [string, WriteMail] => [
      template,
      (deps, { to, data }) => prepareOrderNews(deps, to, template, data),
    ]),
  ),
  [lookUpTemplate]: (deps, { to, data }) => prepareOrderLink(deps, to, data),
  [withdrawalTemplate]: (deps, { to, data }) => prepareWithdrawalMail(deps, to, data),
  [resetTemplate]: (deps, { to }, jobId) => prepareResetMail(deps, to, jobId),
  ...Object.fromEntries(
    ([confirmationTemplate, noticeTemplate] as const).map((template): [string, WriteMail] => [
      template,
      (deps, { to, data }) => prepareEmailChangeMail(deps, to, template, String(data['seed'])),
    ]),
  ),
};

export const mailTemplates = Object.keys(writers);

/** @returns undefined without a recipient: an address without an account, or an erased buyer */
export async function prepareMail(deps: Deps, mail: Payload, jobId: string): Promise<Mail | undefined> {
  const write = Object.hasOwn(writers, mail.template) ? writers[mail.template] : undefined;
  if (write === undefined) throw new Error(`Cannot send a mail as there is no template '${mail.template}'`);
  return write(deps, mail, jobId);
}
