// Laws of mails: each order has one confirmation unless it is cancelled, and each link in each mail opens.
import { openNewMails } from '../deeds/browse.ts';
import type { OpenedLink, RecordedOrder, ShopLife } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { type Fate, readMail } from '../shop/mail-server.ts';
import { defineLaw } from './law.ts';
import { isHeldInDoubt, type OpenWork, readOpenWork } from './work-and-answers.ts';

/**
 * Law: each order that is not cancelled has one confirmation mail, delivered, or still pending if the mail server
 * fails.
 */
interface Confirmation {
  order: Pick<RecordedOrder, 'number' | 'email'>;
  /** Whether the shop owes one. */
  isDue: boolean;
  /** Whether it was cancelled, perhaps before the shop knew that it is paid. It may then have no mail. */
  mayLackIt: boolean;
  fate: Fate;
  /** Message-IDs of the copies that the server got, with repeats. */
  handedOver: string[];
  /** The state of the shop's outbox row for it; undefined if none is left. */
  work: OpenWork['state'] | 'in doubt' | undefined;
  /**
   * Whether the mail may arrive twice: a worker died while it handed the mail over, or the server never answered and
   * half an hour passed.
   */
  mayBeRepeated: boolean;
}

export const oneConfirmationPerOrder = defineLaw<Confirmation[]>({
  name: 'one-confirmation-per-order',
  gather: gatherConfirmations,
  judge: (confirmations) => confirmations.flatMap(judgeOne),
  patienceMs: 20_000,
});

async function gatherConfirmations(life: ShopLife): Promise<Confirmation[]> {
  const { record, mailServer, outages } = life;
  const copies = mailServer.copies.map((copy) => ({ ...copy, text: textOf(copy) }));
  const work = await readOpenWork(life);
  const states = await readPaymentStates(life);
  return record.orders.map((order) => {
    // Mails about later events of an order have other subjects.
    const own = copies.filter(({ text }) => text.startsWith(`Your order ${order.number}\n`));
    const times = own.map(({ atMs }) => atMs);
    return {
      order,
      isDue: order.provider === 'on-delivery' || states.get(order.id)?.payment === 'paid',
      mayLackIt: order.provider !== 'on-delivery' && states.get(order.id)?.status === 'cancelled',
      fate: mailServer.fateOf(order.email),
      handedOver: own.map(({ messageId }) => messageId),
      work: stateOf(
        work.find(
          ({ orderId, kind, template }) =>
            kind === 'mail' && template === 'order-confirmation' && orderId === order.id,
        ),
      ),
      mayBeRepeated:
        (times.length > 1 &&
          outages.overlap(Math.min(...times), Math.max(...times), ['worker', 'postgres', 'redis'])) ||
        (mailServer.fateOf(order.email) === 'hangs' && leastPauseMs(times) >= answerMs),
    };
  });
}

function stateOf(work: OpenWork | undefined): Confirmation['work'] {
  return work !== undefined && isHeldInDoubt(work) ? 'in doubt' : work?.state;
}

/** RFC 5321, 4.5.3.2.6: the time that a server may take to answer a mail. */
const answerMs = 10 * 60_000;

function leastPauseMs(times: number[]): number {
  const pauses = times.slice(1).map((atMs, index) => atMs - times[index]!);
  return Math.min(...pauses);
}

/** By message, so that a long life parses each once. */
const texts = new Map<string, string>();

function textOf({ message }: { message: string }): string {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const { subject, text } = readMail(message);
  const read = `${subject}\n${text}`;
  texts.set(message, read);
  return read;
}

async function readPaymentStates(life: ShopLife): Promise<Map<string, { payment: string; status: string }>> {
  const rows = await askPostgres<{ id: string; payment: string; status: string }>(
    life.shop,
    'select o.id, p.status as payment, o.status from payments p join orders o on o.id = p.order_id',
  );
  return new Map(rows.map(({ id, payment, status }) => [id, { payment, status }]));
}

function judgeOne({
  order,
  isDue,
  mayLackIt,
  fate,
  handedOver,
  work,
  mayBeRepeated,
}: Confirmation): string[] {
  const what = `Order ${order.number} of ${order.email}, whose mail server ${fate},`;
  const count = handedOver.length;
  if (!isDue) return count === 0 ? [] : [`${what} was confirmed though it is not paid`];
  if (new Set(handedOver).size > 1) return [`${what} has ${new Set(handedOver).size} confirmations`];
  if (count > 1 && !mayBeRepeated) return [`${what} got its confirmation ${count} times`];
  if (count > 0 || work === 'in doubt' || (mayLackIt && work === undefined)) return [];
  if (fate === 'refuses for good')
    return work === 'dead' ? [] : [`${what} has a confirmation that is ${work ?? 'nowhere'}`];
  if (fate === 'refuses for now' || fate === 'stalls')
    return work === 'pending' ? [] : [`${what} has a confirmation that is ${work ?? 'nowhere'}`];
  return [`${what} has no confirmation; the shop's work on it is ${work ?? 'nowhere'}`];
}

/** Law: each link in each mail opens in a browser without cookies. */
export const mailLinksOpen = defineLaw<OpenedLink[]>({
  name: 'mail-links-open',
  async gather(life) {
    await openNewMails(life);
    return life.record.openedLinks;
  },
  judge: (links) =>
    links
      .filter(({ fault }) => fault !== undefined)
      .map(
        ({ link, to, subject, status, fault }) =>
          `${new URL(link).pathname} in “${subject}” to ${to} was answered ${status}: ${fault?.slice(0, 300)}`,
      ),
});
