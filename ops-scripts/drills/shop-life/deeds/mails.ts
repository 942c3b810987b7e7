// Mail deeds: opens every link of every mail once, in a browser without cookies.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { ShopPage } from '../browser/page.ts';
import type { OpenedLink, ShopLife } from '../life.ts';
import type { Copy } from '../shop/mail-server.ts';
import { readMail } from '../shop/read-mail.ts';

const opened = new WeakSet<Copy>();

export async function openNewMails(life: ShopLife): Promise<void> {
  for (const copy of life.mailServer.copies.filter((found) => !opened.has(found))) {
    opened.add(copy);
    await openLinks(life, copy);
  }
}

/** One that is weeks old may still be clicked. */
export async function openOldMail(life: ShopLife, random: SeededRandom): Promise<void> {
  const orders = life.mailServer.copies.filter(({ message }) => message.includes('/orders/'));
  if (orders.length > 0) await openLinks(life, random.pick(orders));
}

async function openLinks(life: ShopLife, copy: Copy): Promise<void> {
  const { subject, text, links } = readMail(copy.message);
  for (const link of links) {
    const fault = await openLink(life, copy, text, link).catch((error: Error) => ({
      status: 0,
      fault: error.message,
    }));
    life.record.openedLinks.push({ link, to: copy.to, subject, ...fault });
    life.record.count('clicks a link in a mail');
  }
}

async function openLink(
  life: ShopLife,
  { to }: Copy,
  text: string,
  link: string,
): Promise<Pick<OpenedLink, 'status' | 'fault'>> {
  const browser = life.browser();
  let page = await browser.open(link);
  const { pathname } = new URL(link);
  if (!pathname.startsWith('/orders/')) return judge(page, page.status === 200 ? undefined : page.text);
  const order = life.record.orders.find(({ id }) => pathname === `/orders/${id}`);
  if (order === undefined) return judge(page, `it is the link to an order that nobody placed: ${pathname}`);
  const form = page.findForm({ action: '/sign-in', has: '[name="password"]' });
  // A signed-out owner is sent to sign in and then to the order; a guest has no account to sign in to.
  if (form !== undefined && order.account !== undefined)
    page = await browser.submit(form, { email: order.account.email, password: order.account.password });
  if (page.status !== 200 || !page.text.includes(order.number))
    return judge(page, `it does not show order ${order.number} but ${page.path}: ${page.text.slice(0, 120)}`);
  if (to.toLowerCase() !== order.email.toLowerCase())
    return judge(page, `order ${order.number} of ${order.email} was written of to ${to}`);
  return judge(
    page,
    text.includes(order.number) ? undefined : `the mail does not name order ${order.number}`,
  );
}

function judge({ status }: ShopPage, fault: string | undefined): Pick<OpenedLink, 'status' | 'fault'> {
  return { status, fault };
}
