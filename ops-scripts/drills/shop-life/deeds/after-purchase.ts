// Deeds on placed orders: ship, deliver, take money at the door, cancel, refund, return.
import { randomUUID } from 'node:crypto';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Browser } from '../browser/browser.ts';
import { expectAnswer, expectStatus, expectThat } from '../browser/page.ts';
import type { ShopLife } from '../life.ts';
import { signInStaff } from './staff.ts';

interface Pieces {
  variantId: string;
  quantity: number;
}

interface OrderAtDesk {
  id: string;
  number: string;
  status: string;
  fulfilment: string;
  total: { amount: number; currency: string };
  paid: { amount: number };
  payment: { provider: string; status: string };
  lines: Pieces[];
  shipments: { id: string; lines: Pieces[]; deliveredAt?: string }[];
}

/** @returns one of the newest hundred orders that the filter finds */
async function pickOrder(
  random: SeededRandom,
  staff: Browser,
  filter: Record<string, string>,
): Promise<OrderAtDesk | undefined> {
  const query = new URLSearchParams({ ...filter, limit: '100' });
  const answer = await staff.ask<{ items: { id: string }[] }>('GET', `/api/staff/orders?${query}`);
  const { items } = expectAnswer('The list of orders', answer, 200);
  if (items.length === 0) return undefined;
  const { id } = random.pick(items);
  return expectAnswer('An order', await staff.ask<OrderAtDesk>('GET', `/api/staff/orders/${id}`), 200);
}

/**
 * Sends a request twice under one key, as somebody would whose answer was lost. @returns undefined if it was refused
 * with an allowed status
 */
async function doTwice<Body>(
  browser: Browser,
  path: string,
  body: object,
  { done, refused }: { done: number; refused: string[] },
): Promise<Body | undefined> {
  const headers = { 'idempotency-key': randomUUID() };
  const first = await browser.ask<Body & { code?: string }>('POST', path, body, headers);
  const isRefused = refused.includes(first.body.code ?? '');
  if (!isRefused) expectAnswer(`POST ${path}`, first, done);
  const second = await browser.ask<Body>('POST', path, body, headers);
  // A refusal is not stored under the key, so the repetition succeeds if staff have shipped the pieces meanwhile.
  const isDoneNow = isRefused && second.status === done;
  expectThat(
    isDoneNow || second.status === first.status,
    `POST ${path} was ${first.status}, and ${second.status} when repeated`,
  );
  return isRefused && !isDoneNow ? undefined : second.body;
}

/** Ships all of an order, or its first piece. */
export async function ship(life: ShopLife, random: SeededRandom): Promise<void> {
  const staff = await signInStaff(life);
  const order = await pickOrder(random, staff, { fulfilment: random.pick(['open', 'partly-shipped']) });
  if (order === undefined) return;
  const isPart = random.next() < 0.4;
  const lines = isPart ? { lines: [{ variantId: order.lines[0]!.variantId, quantity: 1 }] } : {};
  const parcel = {
    carrier: random.pick(['DHL', 'Österreichische Post', 'PostNL']),
    trackingNumber: 'JD 00/1&2',
  };
  const refused = ['not-paid', 'order-cancelled', 'already-shipped', 'shipment-too-large'];
  const shipped = await doTwice<OrderAtDesk>(
    staff,
    `/api/staff/orders/${order.id}/shipments`,
    { ...parcel, ...lines },
    { done: 201, refused },
  );
  if (shipped === undefined) return life.record.count('is told that an order cannot be shipped');
  life.record.count(isPart ? 'ships a part of an order' : 'ships what is left of an order');
}

export async function deliver(life: ShopLife, random: SeededRandom): Promise<void> {
  const staff = await signInStaff(life);
  const order = await pickOrder(random, staff, { fulfilment: random.pick(['shipped', 'partly-shipped']) });
  const shipment = order?.shipments.find(({ deliveredAt }) => deliveredAt === undefined);
  if (order === undefined || shipment === undefined) return;
  const path = `/api/staff/orders/${order.id}/shipments/${shipment.id}`;
  const deliveredAt = new Date().toISOString();
  for (let time = 0; time < 2; time += 1)
    expectAnswer('A delivery', await staff.ask('PATCH', path, { deliveredAt }), 200);
  life.record.count('notes a delivery');
}

export async function takeMoneyAtDoor(life: ShopLife, random: SeededRandom): Promise<void> {
  const staff = await signInStaff(life);
  const order = await pickOrder(random, staff, { payment: 'pending' });
  if (order?.payment.provider !== 'on-delivery') return;
  const amount = order.total.amount - order.paid.amount;
  const body = { amount: { amount, currency: order.total.currency }, reference: 'Receipt 7/b' };
  const refused = ['order-cancelled', 'already-paid'];
  const path = `/api/staff/orders/${order.id}/payments`;
  if ((await doTwice(staff, path, body, { done: 201, refused })) === undefined) return;
  life.record.takenAtDoor.set(order.id, order.paid.amount + amount);
  life.record.count('takes money at the door');
}

/** Cancels an order as its guest or as staff. */
export async function cancel(life: ShopLife, random: SeededRandom): Promise<void> {
  const orders = life.record.orders.slice(-40);
  if (orders.length === 0) return;
  const order = random.pick(orders);
  const isByGuest = order.browser !== undefined && random.next() < 0.7;
  const browser = isByGuest ? order.browser! : await signInStaff(life);
  const path = `/api/${isByGuest ? '' : 'staff/'}orders/${order.id}/cancellation`;
  const reason = { reason: 'Changed my mind – “sorry”' };
  const cancelled = await life.till.shared(() =>
    doTwice<OrderAtDesk>(browser, path, reason, { done: 200, refused: ['already-shipped'] }),
  );
  if (cancelled === undefined) return life.record.count('is told that an order was shipped already');
  expectThat(
    cancelled.status === 'cancelled',
    `Order ${order.number} was cancelled and is ${cancelled.status}`,
  );
  life.record.count(isByGuest ? 'cancels an order as its guest' : 'cancels an order as staff');
}

/** Refunds a part of an order, with or without a piece that goes back into stock. */
export async function payBack(life: ShopLife, random: SeededRandom): Promise<void> {
  const staff = await signInStaff(life);
  const order = await pickOrder(random, staff, { payment: 'paid' });
  if (order === undefined) return;
  const amount = { amount: random.integer(1, order.total.amount), currency: order.total.currency };
  const restock = random.next() < 0.5 ? [{ variantId: order.lines[0]!.variantId, quantity: 1 }] : [];
  const path = `/api/staff/orders/${order.id}/refunds`;
  const body = { amount, reason: 'A seam was open', restock };
  const refused = ['refund-too-large', 'restock-too-large'];
  const paidBack = await life.till.shared(() => doTwice(staff, path, body, { done: 201, refused }));
  life.record.count(paidBack === undefined ? 'is told that a refund is too large' : 'pays money back');
}

/** The guest announces a return. Staff receive all of it or refuse it. */
export async function sendBack(life: ShopLife, random: SeededRandom): Promise<void> {
  const own = life.record.orders.filter(({ browser }) => browser !== undefined).slice(-40);
  if (own.length === 0) return;
  const order = random.pick(own);
  const lines = [{ variantId: order.lines[0]!.variantId, quantity: 1 }];
  const refused = ['not-shipped', 'too-late', 'return-too-large'];
  const announced = await doTwice<{ id: string }>(
    order.browser!,
    `/api/orders/${order.id}/returns`,
    { lines, reason: 'Too small' },
    { done: 201, refused },
  );
  if (announced === undefined) return life.record.count('is told that a piece cannot be sent back');
  const staff = await signInStaff(life);
  const path = `/api/staff/returns/${announced.id}`;
  if (random.next() < 0.3) {
    await doTwice(
      staff,
      `${path}/refusal`,
      { reason: 'It was worn' },
      { done: 200, refused: ['return-closed'] },
    );
    return life.record.count('refuses a return');
  }
  const received = lines.map((line) => ({ ...line, restock: random.next() < 0.7 }));
  await life.till.shared(() =>
    doTwice(staff, `${path}/receipt`, { lines: received }, { done: 200, refused: ['return-closed'] }),
  );
  life.record.count('receives a return');
}

/**
 * The guest declares a withdrawal twice without signing in. Both must be the same declaration, with the time of the
 * first.
 */
export async function withdraw(life: ShopLife, random: SeededRandom): Promise<void> {
  const own = life.record.orders.filter((order) => order.browser !== undefined).slice(-40);
  if (own.length === 0) return;
  const { number, email } = random.pick(own);
  const values = {
    name: 'Seán “Johnny” O’Brien & Sons',
    email: random.next() < 0.5 ? email : email.toUpperCase(),
    order: random.next() < 0.5 ? number : number.toLowerCase().replaceAll('-', ' '),
    pieces: 'The dress/skirt – ½ of it',
  };
  const received: string[] = [];
  for (let time = 0; time < 2; time += 1) {
    const browser = life.browser();
    const page = expectStatus(await browser.open('/withdrawal'), 200);
    const after = expectStatus(await browser.submit(page.form({ action: '/withdrawal' }), values), 200);
    expectThat(
      after.path.includes('received='),
      `A withdrawal led to ${after.path}: ${after.text.slice(0, 200)}`,
    );
    received.push(after.path);
  }
  expectThat(
    received[0] === received[1],
    `A withdrawal that was sent twice has two times: ${received.join(', ')}`,
  );
  life.record.count('withdraws from an order');
}
