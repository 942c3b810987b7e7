// What a shopper does on Stripe's page, and Stripe's webhooks to the shop: at once, twice, late, out of order or never.
import { setTimeout as delay } from 'node:timers/promises';
import type { FakeSession } from '../../stripe-server.ts';
import type { Browser } from '../browser/browser.ts';
import { BrokenPromise, expectStatus, expectThat } from '../browser/page.ts';
import type { RecordedOrder, ShopLife } from '../life.ts';

export async function payAtStripe(life: ShopLife, browser: Browser, order: RecordedOrder): Promise<void> {
  const session = life.stripe.sessions.find(({ client_reference_id: id }) => id === order.id);
  if (session === undefined) throw new BrokenPromise(`Stripe opened no page for order ${order.number}`);
  const { outcome } = order;
  if (outcome === 'left open') return;
  if (outcome === 'closed') {
    Object.assign(session, { status: 'expired' });
    return tell(life, ['checkout.session.expired'], session);
  }
  Object.assign(session, { status: 'complete', payment_status: 'paid' });
  if (outcome === 'paid') await tell(life, ['checkout.session.completed'], session);
  if (outcome === 'paid, webhooks in disorder')
    await tell(
      life,
      ['payment_intent.succeeded', 'checkout.session.completed', 'checkout.session.completed'],
      session,
    );
  await comeBack(browser, session, order);
}

const mostLooks = 20;
const againMs = 1_000;

/** The page may also show that staff have shipped or cancelled the order meanwhile. */
const isDecided = /It is paid|(Paid|Paid back|Comes back|Nothing owed) \(/;

/** The page says whether the order is paid, or asks the shopper to look again. */
async function comeBack(browser: Browser, session: FakeSession, { number }: RecordedOrder): Promise<void> {
  let shown = '';
  for (let look = 0; look < mostLooks; look++) {
    const page = expectStatus(await browser.open(session.success_url), 200);
    expectThat(page.text.includes(number), `Who comes back from Stripe is shown ${page.path}, not ${number}`);
    if (isDecided.test(page.text)) return;
    shown = page.text.slice(0, 2_000);
    await delay(againMs);
  }
  throw new BrokenPromise(`Order ${number} was paid at Stripe, and its page says '${shown}'`);
}

/** Stripe repeats a webhook until the shop accepts it. */
async function tell(life: ShopLife, types: string[], session: FakeSession): Promise<void> {
  for (const type of types) {
    const { body, headers } = await life.stripe.event(type, session);
    const url = new URL('/api/webhooks/stripe', life.shop.url).href;
    const answer = await life.send(url, { method: 'POST', body, headers });
    await answer.arrayBuffer();
    expectThat(answer.status < 300, `The webhook ${type} was answered ${answer.status}`);
  }
}
