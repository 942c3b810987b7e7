// Drill: shoppers buy while the Postgres primary is killed. Each retries with one key until answered.
// Passes if each key is one order and stock equals what was sold.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from '../traffic/http-connection.ts';
import { readVariants, type StockedVariant } from '../traffic/read-catalog.ts';
import type { DrillContext, DrillResult } from './drill.ts';
import type { DrillRegion } from './region.ts';
import { Timeline } from './report.ts';
import { signInStaff } from './staff.ts';

interface Order {
  id: string;
  number: string;
}

interface Bought {
  order: Order | undefined;
  /** Whether every answer was missing or asked to try again. A refusal, such as "sold out", is a final answer. */
  isOpen: boolean;
  jar: CookieJar;
  /** Answers to the same key that named another order. */
  doubles: number;
}

const patienceMs = 60_000;
/** Enough stock that nothing sells out before the fault. */
export const pieces = 100_000;

export async function checkoutUnderFault(context: DrillContext): Promise<DrillResult> {
  const { region, state, seed, short, size } = context;
  const url = region.storefront;
  const began = performance.now();
  const timeline = new Timeline(() => performance.now() - began);
  const tell = (status: number) => timeline.tell(status);
  const [{ slug, id: variantId }] = (await readVariants(url, 1)) as [StockedVariant];
  await stockUp(region, variantId);
  const stopping = new AbortController();
  const buyers = Array.from({ length: size.shoppers ?? (short ? 8 : 16) }, async () => {
    const bought: Bought[] = [];
    while (!stopping.signal.aborted) bought.push(await buyOne(url, variantId, tell));
    return bought;
  });
  await delay(2_000);
  region.signal(region.ofKind('postgres-primary'), 'SIGKILL');
  timeline.mark('kill -9 the Postgres primary');
  await delay(size.seconds !== undefined ? size.seconds * 1_000 : short ? 8_000 : 15_000);
  stopping.abort();
  const all = (await Promise.all(buyers)).flat();
  await region.healed();

  const answered = all.filter((one) => one.order !== undefined);
  const readable = await Promise.all(answered.map((one) => canRead(url, one)));
  const lost = readable.filter((found) => !found).length;
  const doubles = all.reduce((sum, { doubles: more }) => sum + more, 0);
  const left = await availableOf(url, slug, variantId, pieces - answered.length);
  const taken = pieces - left;
  const open = all.filter((one) => one.isOpen).length;
  const refused = all.length - answered.length - open;
  // An order without an answer may exist, but only once.
  const duplicated = doubles + Math.max(0, taken - answered.length - open);
  // A refusal is right only if everything is sold out.
  const wronglyRefused = left > 0 ? refused : 0;
  const oversold = Math.max(0, answered.length - taken);
  return {
    drill: 'checkout-under-fault',
    state,
    seed,
    acknowledged: answered.length,
    lost: lost + oversold,
    duplicated,
    errors: open + wronglyRefused,
    unavailableSeconds: Math.round(timeline.longestGapSeconds * 100) / 100,
    recoverySeconds: Math.round(timeline.recoverySeconds * 100) / 100,
    verdict:
      answered.length > 0 && lost + oversold + duplicated + open + wronglyRefused === 0 ? 'pass' : 'fail',
    notes: [
      `${answered.length} orders took ${taken} pieces; ${refused} were refused, ${open} were never answered`,
    ],
    picture: timeline.draw(),
  };
}

export async function stockUp(region: DrillRegion, variantId: string): Promise<void> {
  const staff = await signInStaff(region.storefront, region.staff, () => undefined);
  const path = `/api/staff/variants/${variantId}/stock`;
  const change = await staff.change({ method: 'PUT', path, body: { stock: pieces } });
  if (change === undefined) throw new Error('Cannot stock up as nobody acknowledged it');
}

/** A guest adds one piece and orders it. Each step is retried with one key until it is answered. */
async function buyOne(url: string, variantId: string, tell: (status: number) => void): Promise<Bought> {
  const jar = new CookieJar();
  const line = { variantId, quantity: 1 };
  const added = await untilAnswered(url, { path: '/api/cart/lines', body: line, jar });
  const none = (answer: unknown) => ({ order: undefined, isOpen: answer === undefined, jar, doubles: 0 });
  if (added?.status !== 200) return none(added);
  const body = { ...buyer, payment: { provider: 'demo', outcome: 'paid' } };
  const ordering = { path: '/api/orders', body, jar, key: randomUUID(), cookie: jar.header };
  const answer = await untilAnswered(url, { ...ordering, tell });
  if (answer?.status !== 201) return none(answer);
  const order = answer.body as Order;
  const again = await untilAnswered(url, ordering);
  return {
    order,
    isOpen: false,
    jar,
    doubles: again?.status === 201 && (again.body as Order).id !== order.id ? 1 : 0,
  };
}

const buyer = {
  email: 'drill@myclothes.test',
  shippingAddress: {
    name: 'D. Rill',
    line1: '1 Fault Lane',
    city: 'Dublin',
    postalCode: 'D01',
    country: 'IE',
  },
};

/** Places a guest's order of these pieces. @throws if it is not placed within the patience */
export async function orderOnce(
  url: string,
  lines: { variantId: string; quantity: number }[],
  provider: string,
): Promise<{ id: string; total: number }> {
  const jar = new CookieJar();
  for (const body of lines) {
    const added = await untilAnswered(url, { path: '/api/cart/lines', body, jar });
    if (added?.status !== 200) throw new Error(`Cannot fill a cart: ${added?.status}`);
  }
  const body = { ...buyer, payment: { provider } };
  const answer = await untilAnswered(url, { path: '/api/orders', body, jar, cookie: jar.header });
  if (answer?.status !== 201) throw new Error(`Cannot place an order: ${answer?.status}`);
  const { id, total } = answer.body as { id: string; total: { amount: number } };
  return { id, total: total.amount };
}

interface Write {
  path: string;
  body: object;
  /** Stores the cookies of the answer. */
  jar: CookieJar;
  /** Default: a new key. */
  key?: string;
  /** Default: the cookies in the jar at each try. */
  cookie?: string;
  /** Gets the status of each answer; 0 if none came. */
  tell?: (status: number) => void;
}

export async function untilAnswered(
  url: string,
  { path, body, jar, key = randomUUID(), cookie, tell = () => undefined }: Write,
): Promise<{ status: number; body: unknown } | undefined> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    try {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key, cookie: cookie ?? jar.header },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(8_000),
      });
      const answer = await response.json();
      tell(response.status);
      if (response.status < 500) {
        jar.keep(response);
        return { status: response.status, body: answer };
      }
    } catch {
      tell(0);
    }
    await delay(200);
  }
  return undefined;
}

async function canRead(url: string, { order, jar }: Bought): Promise<boolean> {
  const response = await fetch(`${url}/api/orders/${order?.id}`, { headers: { cookie: jar.header } });
  await response.arrayBuffer();
  return response.ok;
}

/** Reads the stock for up to ten seconds, because shared pages may be five seconds behind. */
export async function availableOf(
  url: string,
  slug: string,
  variantId: string,
  expected: number,
): Promise<number> {
  const until = performance.now() + 10_000;
  for (;;) {
    const { variants } = (await (await fetch(`${url}/api/products/${slug}`)).json()) as Product;
    const available = variants.find(({ id }) => id === variantId)?.available ?? 0;
    if (available === expected || performance.now() > until) return available;
    await delay(250);
  }
}

interface Product {
  variants: { id: string; available: number }[];
}
