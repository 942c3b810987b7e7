// Buying deeds: by form and by API, as guest and signed in, with each payment provider and outcome.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { type Address, makeMailbox, pickAddress } from '../browser/addresses.ts';
import type { Browser } from '../browser/browser.ts';
import { BrokenPromise, expectAnswer, expectStatus, expectThat, type ShopPage } from '../browser/page.ts';
import type { MadePromotion, RecordedOrder, ShopLife, ShopperAccount } from '../life.ts';
import { askProduct, pickHandle, type ShownVariant } from './browse.ts';
import { payAtStripe } from './pay-at-stripe.ts';
import { chooseDelivery, reckonTotal } from './selling.ts';

export interface Payment {
  provider: string;
  outcome?: string;
}

export const payments: Payment[] = [
  { provider: 'demo', outcome: 'paid' },
  { provider: 'demo', outcome: 'declined' },
  { provider: 'demo', outcome: 'unknown' },
  { provider: 'on-delivery' },
  { provider: 'stripe', outcome: 'paid' },
  { provider: 'stripe', outcome: 'paid, webhooks in disorder' },
  { provider: 'stripe', outcome: 'paid, no webhook' },
  { provider: 'stripe', outcome: 'left open' },
  { provider: 'stripe', outcome: 'closed' },
];

interface Buyer {
  browser: Browser;
  email: string;
  account: ShopperAccount | undefined;
  address: Address;
}

interface OrderSeen {
  id: string;
  number: string;
  status: string;
  total: { amount: number };
  payment: { provider: string; status: string };
}

const mostLooks = 4;

export async function buyAsGuest(life: ShopLife, random: SeededRandom, payment: Payment): Promise<void> {
  const { email } = makeMailbox(life, random);
  await buy(life, random, payment, {
    browser: life.browser(),
    email,
    account: undefined,
    address: pickAddress(random),
  });
}

/** Buys on the newest device. */
export async function buySignedIn(
  life: ShopLife,
  random: SeededRandom,
  payment: Payment,
  account: ShopperAccount,
): Promise<void> {
  await buy(life, random, payment, {
    browser: account.devices.at(-1)!,
    email: account.email,
    account,
    address: pickAddress(random, account.name),
  });
}

async function buy(life: ShopLife, random: SeededRandom, payment: Payment, buyer: Buyer): Promise<void> {
  const byForm = random.next() < 0.6;
  const pieces = random.integer(1, 2);
  for (let piece = 0; piece < pieces; piece++) {
    const added = byForm ? await addByForm(life, random, buyer) : await addByApi(life, random, buyer);
    if (!added && piece === 0) return;
  }
  const order = byForm
    ? await checkOutByForm(life, random, payment, buyer)
    : await checkOutByApi(life, random, payment, buyer);
  if (order === undefined) return life.record.count('is told that a piece is gone');
  if (payment.provider === 'stripe') await payAtStripe(life, buyer.browser, order);
  const who = buyer.account === undefined ? 'guest' : 'account';
  const way = [payment.provider, payment.outcome].filter(Boolean).join(', ');
  life.record.count(`buys as ${who} ${byForm ? 'by form' : 'by API'}: ${way}`);
}

export async function chooseVariant(life: ShopLife, random: SeededRandom, browser: Browser) {
  const handle = await pickHandle(life, random, browser);
  const product = await askProduct(browser, handle);
  const offered = product?.variants.filter(({ available }) => available > 0) ?? [];
  return offered.length === 0 ? undefined : { handle, variant: random.pick(offered) };
}

/** @returns false if nothing was in stock */
async function addByForm(life: ShopLife, random: SeededRandom, { browser }: Buyer): Promise<boolean> {
  const chosen = await chooseVariant(life, random, browser);
  if (chosen === undefined) return false;
  const page = await browser.open(`/p/${encodeURIComponent(chosen.handle)}`);
  if (page.status === 404 || page.status === 410) return false;
  const form = expectStatus(page, 200).form({ action: '/cart', has: '[name="variantId"]' });
  const offered = form.element
    .querySelectorAll('[name="variantId"]')
    .filter((choice) => !choice.hasAttribute('disabled'))
    .map((choice) => choice.getAttribute('value'));
  if (!offered.includes(chosen.variant.id)) return false;
  const color: Record<string, string> =
    form.element.querySelector('[name="color"]') === null ? {} : { color: chosen.variant.color };
  const bag = await browser.submit(form, { variantId: chosen.variant.id, quantity: '1', ...color });
  return isInBag(bag, chosen.variant);
}

/** Whether the piece is in the bag. The shop refuses a piece that was sold meanwhile, with words. */
function isInBag(bag: ShopPage, { sku }: ShownVariant): boolean {
  if (bag.status === 409 || bag.status === 422 || bag.status === 404) return false;
  expectStatus(bag, 200);
  expectThat(bag.path.startsWith('/cart'), `Adding ${sku} led to ${bag.path}, not to the bag`);
  return true;
}

export async function addByApi(life: ShopLife, random: SeededRandom, { browser }: Buyer): Promise<boolean> {
  const chosen = await chooseVariant(life, random, browser);
  if (chosen === undefined) return false;
  const body = { variantId: chosen.variant.id, quantity: 1 };
  const answer = await browser.ask('POST', '/api/cart/lines', body);
  if (answer.status === 409 || answer.status === 404) return false;
  expectAnswer(`Adding ${chosen.variant.sku}`, answer, 200);
  return true;
}

/** @returns undefined if a piece is gone; the bag is then emptied */
async function checkOutByForm(
  life: ShopLife,
  random: SeededRandom,
  payment: Payment,
  buyer: Buyer,
): Promise<RecordedOrder | undefined> {
  const { browser } = buyer;
  if (random.next() < 0.3) await changeQuantityByForm(life, browser);
  const choice = choiceOf(payment);
  let page = await browser.open('/checkout');
  for (let look = 0; look < mostLooks; look++) {
    if (page.path.startsWith('/cart')) return undefined;
    const form = page.form({ action: '/checkout', has: '[name="email"]' });
    const totalShown = shownTotal(page);
    const lines = await linesOf(browser);
    page = await life.till.shared(() =>
      browser.submit(form, { email: buyer.email, ...buyer.address, payment: choice }),
    );
    const id = /^\/orders\/([^/?]+)/.exec(page.path)?.[1];
    if (id !== undefined) {
      const seen = expectStatus(page, 200);
      const booked = await book(life, buyer, payment, { id, totalShown, lines });
      expectThat(seen.text.includes(booked.number), `The page of order ${booked.number} does not name it`);
      return booked;
    }
    // A 409 means that something changed since the page was shown. The page asks whether that is fine.
    if (page.status !== 409)
      throw new BrokenPromise(`The checkout was refused (${page.status}): ${page.text.slice(0, 400)}`);
    if (/no longer to be had|only \d+ left|not everything/i.test(page.text)) {
      await emptyBag(browser);
      return undefined;
    }
  }
  return undefined;
}

async function changeQuantityByForm(life: ShopLife, browser: Browser): Promise<void> {
  const bag = expectStatus(await browser.open('/cart'), 200);
  const form = bag.findForm({ action: '/cart', has: '[name="quantity"]' });
  if (form === undefined) return;
  const changed = await browser.submit(form, { quantity: '1' });
  if (changed.status === 404 && changed.text.includes('This piece is no longer sold'))
    return life.record.count('is told that a piece in the bag is no longer sold');
  expectStatus(changed, 200);
  life.record.count('changes a quantity in the bag');
}

/**
 * The total of the whole order. A notice of a changed total counts first, because the summary's caches may be a moment
 * behind.
 */
export function shownTotal(page: Pick<ShopPage, 'text'>): number {
  const told = /The total changed: it is now €\s?([\d,]+\.\d\d)/.exec(page.text)?.[1];
  const found = told ?? [...page.text.matchAll(/Total[^€]{0,60}€\s?([\d,]+\.\d\d)/g)].at(-1)?.[1];
  if (found === undefined) throw new BrokenPromise(`The checkout shows no total: ${page.text.slice(0, 300)}`);
  return Math.round(Number(found.replaceAll(',', '')) * 100);
}

interface CartSeen {
  lines: { variantId: string; quantity: number }[];
  total: { amount: number; currency: string };
}

async function linesOf(browser: Browser): Promise<CartSeen['lines']> {
  const cart = expectAnswer('The cart', await browser.ask<CartSeen>('GET', '/api/cart'), 200);
  return cart.lines.map(({ variantId, quantity }) => ({ variantId, quantity }));
}

export async function checkOutByApi(
  life: ShopLife,
  random: SeededRandom,
  payment: Payment,
  buyer: Buyer,
  code?: MadePromotion,
): Promise<RecordedOrder | undefined> {
  const { browser, email, address } = buyer;
  let chosen = chooseDelivery(life, random, address);
  if (code !== undefined) chosen.promotion = code;
  for (let look = 0; look < mostLooks; look++) {
    const cart = expectAnswer('The cart', await browser.ask<CartSeen>('GET', '/api/cart'), 200);
    if (cart.lines.length === 0) return undefined;
    const { line2, ...required } = address;
    const shippingAddress = line2 === '' ? required : address;
    const choice = payment.provider === 'stripe' ? { provider: 'stripe' } : payment;
    const { shippingMethod, promotion } = chosen;
    const { answer, totalShown } = await life.till.shared(async () => {
      const amount = await reckonTotal(browser, cart.total.amount, chosen);
      const body = {
        email,
        shippingAddress,
        payment: choice,
        expectedTotal: { ...cart.total, amount },
        ...(shippingMethod === undefined ? {} : { shippingMethod }),
        ...(promotion === undefined ? {} : { promotionCode: promotion.code.toLowerCase() }),
      };
      const key = { 'idempotency-key': randomUUID() };
      const placed = await browser.ask<
        OrderSeen & { code?: string; reason?: string; min?: { amount: number } }
      >('POST', '/api/orders', body, key);
      return { answer: placed, totalShown: amount };
    });
    if (answer.status === 201) {
      const lines = cart.lines.map(({ variantId, quantity }) => ({ variantId, quantity }));
      if (promotion !== undefined) life.record.count(`buys with a code: ${promotion.kind}`);
      return book(life, buyer, payment, { id: answer.body.id, totalShown, lines });
    }
    if (answer.body.code === 'promotion-refused') {
      const { reason } = answer.body;
      const hasEnded = reason === 'ended' && (promotion?.endsAtMs ?? Number.POSITIVE_INFINITY) <= Date.now();
      const isRight = reason === 'used-up' || reason === 'used-by-you' || hasEnded;
      expectThat(isRight, `The code ${promotion?.code} was refused: ${reason}`);
      life.record.count('is told that a code does not hold');
      chosen = { ...chosen, promotion: undefined };
      continue;
    }
    if (answer.body.code === 'total-too-small') {
      const { min } = answer.body;
      const isRight = payment.provider === 'stripe' && totalShown < (min?.amount ?? 0);
      expectThat(isRight, `A total of ${totalShown} was refused: ${JSON.stringify(answer.body)}`);
      life.record.count('is told that a total is too small for the way to pay');
      chosen = { ...chosen, promotion: undefined };
      continue;
    }
    if (answer.status !== 409) expectAnswer('An order by API', answer, 201, 409);
    if (answer.body.code === 'out-of-stock') {
      await emptyBag(browser);
      return undefined;
    }
    expectThat(answer.body.code === 'price-changed', `An order was refused: ${JSON.stringify(answer.body)}`);
  }
  return undefined;
}

async function emptyBag(browser: Browser): Promise<void> {
  for (const { variantId } of await linesOf(browser)) {
    expectAnswer('Removing a line', await browser.ask('DELETE', `/api/cart/lines/${variantId}`), 200);
  }
}

const statusOf: Record<string, string[]> = {
  'demo:paid': ['paid'],
  'demo:declined': ['failed'],
  // The worker may already have asked the provider again.
  'demo:unknown': ['unknown', 'paid'],
  'on-delivery': ['pending'],
  // Nobody has opened Stripe's page yet.
  stripe: ['pending'],
};

/** The name of the choice in the form. For Stripe, its page decides what becomes of the card. */
function choiceOf({ provider, outcome }: Payment): string {
  return outcome === undefined || provider === 'stripe' ? provider : `${provider}:${outcome}`;
}

const settlePauseMs = 500;
const mostSettlePauses = 80;

/** Waits for the payment's state. If an origin is killed while it asks the provider, the worker asks later. */
async function askOrder(browser: Browser, id: string, statuses: string[]): Promise<OrderSeen> {
  for (let pauses = 0; ; pauses++) {
    const answer = await browser.ask<OrderSeen>('GET', `/api/orders/${id}`);
    const order = expectAnswer('The own order', answer, 200);
    const isOpen = order.payment.status === 'pending' || order.payment.status === 'reserved';
    if (statuses.includes(order.payment.status) || !isOpen || pauses === mostSettlePauses) return order;
    await delay(settlePauseMs);
  }
}

async function book(
  life: ShopLife,
  { browser, email, account }: Buyer,
  payment: Payment,
  { id, totalShown, lines }: { id: string; totalShown: number; lines: RecordedOrder['lines'] },
): Promise<RecordedOrder> {
  const choice = choiceOf(payment);
  const right = statusOf[choice] ?? [];
  const order = await askOrder(browser, id, right);
  const booked: RecordedOrder = {
    id,
    number: order.number,
    email,
    account,
    provider: payment.provider,
    outcome: payment.outcome,
    totalShown,
    lines,
    ...(account === undefined ? { browser } : {}),
  };
  life.record.orders.push(booked);
  expectThat(
    right.includes(order.payment.status),
    `Order ${order.number} by ${choice} has a payment that is ${order.payment.status}, not ${right.join(' or ')}`,
  );
  return booked;
}
