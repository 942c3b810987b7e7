// Delivery settings by staff, the drill's own calculation of an order's total, and the order's documents.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Address } from '../browser/addresses.ts';
import type { Browser } from '../browser/browser.ts';
import { expectAnswer, expectThat } from '../browser/page.ts';
import type { MadePromotion, RecordedOrder, ShopLife } from '../life.ts';
import { signInStaff } from './staff.ts';

interface ShippingMethod {
  id: string;
  name: string;
  price: { amount: number; currency: string };
  freeFrom?: { amount: number; currency: string };
  days: { min: number; max: number };
}

/** Changes the price of the cheapest method, and the amount from which it is free. */
export async function changeDelivery(life: ShopLife, random: SeededRandom): Promise<void> {
  // Nobody checks out meanwhile, so that each order is charged by one table.
  await life.till.alone(async () => {
    const staff = await signInStaff(life);
    const path = '/api/staff/shipping-methods';
    const table = expectAnswer(
      'The table of delivery',
      await staff.ask<{ items: (ShippingMethod & { countries: string[] })[] }>('GET', path),
      200,
    );
    const [first, ...others] = table.items;
    const currency = first!.price.currency;
    const changed = {
      ...first!,
      price: { amount: random.integer(0, 790), currency },
      freeFrom: { amount: random.integer(2_000, 20_000), currency },
    };
    const put = await staff.ask('PUT', path, { items: [changed, ...others] });
    expectAnswer('A new table of delivery', put, 200);
  });
  life.record.count('changes what delivery costs');
}

export interface Choice {
  country: string;
  shippingMethod: string | undefined;
  promotion: MadePromotion | undefined;
}

/** Some leave the method to the shop, and most use a code if there is one. */
export function chooseDelivery(life: ShopLife, random: SeededRandom, { country }: Address): Choice {
  const { promotions } = life.record;
  return {
    country,
    shippingMethod: random.next() < 0.3 ? 'express' : undefined,
    promotion: promotions.length > 0 && random.next() < 0.6 ? random.pick(promotions.slice(-6)) : undefined,
  };
}

/** @returns the total in minor units, to which the shop must agree */
export async function reckonTotal(
  browser: Browser,
  goods: number,
  { country, shippingMethod, promotion }: Choice,
): Promise<number> {
  const path = `/api/shipping-methods?country=${country}`;
  const answer = await browser.ask<{ items: ShippingMethod[] }>('GET', path);
  const ways = expectAnswer('The ways of delivery', answer, 200)
    .items.filter(({ id }) => shippingMethod === undefined || id === shippingMethod)
    .map(({ price, freeFrom }) => (freeFrom !== undefined && goods >= freeFrom.amount ? 0 : price.amount));
  const delivery = promotion?.kind === 'free-shipping' ? 0 : Math.min(...ways);
  return goods + delivery - discountOf(promotion, goods);
}

function discountOf(promotion: MadePromotion | undefined, goods: number): number {
  if (promotion?.kind === 'percent') return Math.round((goods * promotion.value) / 100);
  return promotion?.kind === 'amount' ? Math.min(promotion.value, goods) : 0;
}

/** The guest reads the documents twice and gets the same ones, as soon as something is paid or refunded. */
export async function readInvoice(life: ShopLife, random: SeededRandom): Promise<void> {
  const own = life.record.orders.filter((order) => order.browser !== undefined).slice(-40);
  if (own.length === 0) return;
  const { id, number, browser } = random.pick(own) as RecordedOrder & { browser: Browser };
  const path = `/api/orders/${id}`;
  const first = await browser.ask<string>('GET', `${path}/invoice`);
  if (first.status === 409) return life.record.count('is told that an order without payment has no invoice');
  await expectSame(browser, `The invoice of ${number}`, `${path}/invoice`);
  life.record.count('reads an invoice');
  const order = await browser.ask<{ refunds: { id: string }[] }>('GET', path);
  for (const refund of expectAnswer('The own order', order, 200).refunds) {
    await expectSame(browser, `A credit note of ${number}`, `${path}/refunds/${refund.id}/credit-note`);
    life.record.count('reads a credit note');
  }
}

async function expectSame(browser: Browser, what: string, path: string): Promise<void> {
  const first = expectAnswer(what, await browser.ask<string>('GET', path), 200);
  const second = expectAnswer(what, await browser.ask<string>('GET', path), 200);
  expectThat(second === first, `${what} is another when it is read again`);
}
