// Sales of the drill: planned, started by the clock or by hand, ended early, moved, called off, or left over night.
// Each is watched on every page and API answer that shows the price.
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Browser } from '../browser/browser.ts';
import { BrokenPromise, expectAnswer, expectThat } from '../browser/page.ts';
import type { SaleBook, ShopLife, WatchedSale } from '../life.ts';
import { amount, saleHandles } from '../product-files/life-products.ts';
import { askProduct, type ShownProduct } from './browse.ts';
import { signInStaff } from './staff.ts';
import { watchPrices } from './watch-prices.ts';

interface Sale {
  id: string;
  startsAt: string;
  endsAt?: string;
  state: string;
  was?: { amount: number };
}

interface Invalidation {
  id: string;
  state: string;
}

/** Durations of the parts of a sale, in milliseconds. Tests use shorter ones. */
export interface SalePace {
  untilStartMs: number;
  lastsMs: number;
}

const usualPace: SalePace = { untilStartMs: 2_000, lastsMs: 1_500 };
const doneMs = 60_000;
/** The difference between the clocks of two processes on one machine, at most. */
const clockMs = 60;

interface PriceDeskOptions {
  staff: Browser;
  product: ShownProduct;
  /** A sale that an earlier deed left running. */
  left: SaleBook['left'];
  course: string;
}

/** Changes one product's price as staff do, and records which prices may be shown when. */
class PriceDesk {
  readonly #life: ShopLife;
  readonly #staff: Browser;
  readonly #product: ShownProduct;
  readonly watched: WatchedSale;

  constructor(life: ShopLife, { staff, product, left, course }: PriceDeskOptions) {
    this.#life = life;
    this.#staff = staff;
    this.#product = product;
    const present = { price: product.price.amount, fromMs: 0, untilMs: Number.POSITIVE_INFINITY };
    const prices =
      left === undefined
        ? [present]
        : [
            { price: left.regular, fromMs: 0, untilMs: 0 },
            { ...present, sale: left.sale },
          ];
    this.watched = { handle: product.slug, course, prices, seen: [] };
  }

  get regular(): number {
    return this.watched.prices.findLast(({ sale }) => sale === undefined)!.price;
  }

  /**
   * Records a change of price between two moments. By hand it may be any moment until the change is reported to be
   * everywhere.
   */
  #turn(price: number, [earliestMs, latestMs]: [number, number], sale?: string): void {
    const { prices } = this.watched;
    prices.at(-1)!.untilMs = latestMs;
    prices.push({ price, fromMs: earliestMs, untilMs: Number.POSITIVE_INFINITY, ...(sale ? { sale } : {}) });
  }

  /** Records a change by the clock. The plan may be reported to be everywhere only after the planned moment. */
  #turnAt(price: number, atMs: number, sale?: string): void {
    const knownMs = Date.now();
    this.#turn(price, [atMs - clockMs, Math.max(atMs + clockMs, knownMs)], sale);
  }

  /** Holds the desk, because a concurrent import must find every other column unchanged. */
  setPrice(price: number): Promise<void> {
    return this.#life.desk.alone(async () => {
      const { id, slug, price: before } = this.#product;
      const sentMs = Date.now();
      const body = { price: { amount: price, currency: before.currency } };
      await this.#change('PATCH', `/api/staff/products/${id}`, body, 200);
      this.#turn(price, [sentMs, Date.now()]);
      this.#life.record.noteSet(slug, 'Variant Price', amount(price));
    });
  }

  /** Plans a sale. Without a start it begins at once. */
  async plan(price: number, times: { startsAt?: number; endsAt?: number }): Promise<Sale> {
    const { id, price: before } = this.#product;
    const sentMs = Date.now();
    const iso = (atMs: number | undefined) => (atMs === undefined ? undefined : new Date(atMs).toISOString());
    const body = {
      price: { amount: price, currency: before.currency },
      startsAt: iso(times.startsAt),
      endsAt: iso(times.endsAt),
    };
    const { sale } = await this.#change<{ sale: Sale }>('POST', `/api/staff/products/${id}/sales`, body, 201);
    const { regular } = this;
    if (times.startsAt === undefined) this.#turn(price, [sentMs, Date.now()], sale.id);
    else this.#turnAt(price, Date.parse(sale.startsAt), sale.id);
    if (times.endsAt !== undefined) this.#turnAt(regular, times.endsAt);
    return sale;
  }

  /** Ends a running sale, or calls off a planned one. */
  async stop(sale: string): Promise<void> {
    const { prices } = this.watched;
    const at = prices.findIndex((one) => one.sale === sale);
    const isRunning = at === -1 || prices[at]!.fromMs <= Date.now();
    const regular = this.regular;
    const sentMs = Date.now();
    await this.#change('DELETE', `/api/staff/products/${this.#product.id}/sales/${sale}`, undefined, 200);
    // The prices that were planned to follow are cancelled.
    if (at !== -1) prices.splice(isRunning ? at + 1 : at);
    Object.assign(prices.at(-1)!, { untilMs: Number.POSITIVE_INFINITY });
    if (isRunning) this.#turn(regular, [sentMs, Date.now()]);
  }

  /** Moves the end of a running sale to a moment that is still in the future. */
  async moveEnd(sale: string, endsAtMs: number): Promise<void> {
    const { prices } = this.watched;
    const path = `/api/staff/products/${this.#product.id}/sales/${sale}`;
    await this.#change('PATCH', path, { endsAt: new Date(endsAtMs).toISOString() }, 200);
    const { regular } = this;
    prices.splice(prices.findIndex((one) => one.sale === sale) + 1);
    this.#turnAt(regular, endsAtMs);
  }

  /** Records the shop's "was" of the sale once it has begun. The worker may begin it a moment late. */
  async noteWas(): Promise<void> {
    const path = `/api/staff/products/${this.#product.id}/sales`;
    for (const lastMs = Date.now() + doneMs; ; await delay(200)) {
      const list = await this.#staff.ask<{ items: Sale[] }>('GET', path);
      const { items } = expectAnswer('The sales', list, 200);
      const own = this.watched.prices.map((one) => ({ one, sale: items.find(({ id }) => id === one.sale) }));
      for (const { one, sale } of own) {
        if (sale === undefined) continue;
        one.was = sale.was?.amount ?? null;
        if (one.fromMs > 0) one.begunAtMs = Date.parse(sale.startsAt);
      }
      if (!own.some(({ sale }) => sale?.state === 'planned')) return;
      expectThat(
        Date.now() < lastMs,
        `A sale of ${this.#product.slug} had not begun ${doneMs / 1_000} s late`,
      );
    }
  }

  async #change<Body>(method: string, path: string, body: object | undefined, status: number): Promise<Body> {
    const answer = await this.#staff.ask<Body & { invalidation: Invalidation }>(method, path, body, {
      prefer: 'wait=5',
    });
    const changed = expectAnswer(`${method} ${path}`, answer, status);
    let { invalidation } = changed;
    for (const until = Date.now() + doneMs; invalidation.state !== 'done'; await delay(100)) {
      expectThat(Date.now() < until, `${method} ${path} was not everywhere within ${doneMs / 1_000} s`);
      const asked = await this.#staff.ask<Invalidation>('GET', `/api/staff/invalidations/${invalidation.id}`);
      invalidation = expectAnswer('An invalidation', asked, 200);
    }
    return changed;
  }
}

function until(atMs: number): Promise<void> {
  return delay(Math.max(0, atMs - Date.now()));
}

interface Course {
  name: string;
  take(desk: PriceDesk, price: number, pace: SalePace): Promise<unknown>;
}

const courses: Course[] = [
  {
    name: 'holds a sale by the clock',
    async take(desk, price, { untilStartMs, lastsMs }) {
      const startsAt = Date.now() + untilStartMs;
      await desk.plan(price, { startsAt, endsAt: startsAt + lastsMs });
      await until(startsAt + lastsMs + untilStartMs / 2);
    },
  },
  {
    name: 'ends a sale early',
    async take(desk, price, { lastsMs }) {
      const { id } = await desk.plan(price, { endsAt: Date.now() + 3_600_000 });
      await delay(lastsMs / 2);
      await desk.stop(id);
    },
  },
  {
    name: 'moves the end of a sale',
    async take(desk, price, { untilStartMs, lastsMs }) {
      const { id } = await desk.plan(price, { endsAt: Date.now() + 3_600_000 });
      const endsAt = Date.now() + lastsMs + 3_000;
      await desk.moveEnd(id, endsAt);
      await until(endsAt + untilStartMs / 2);
    },
  },
  {
    name: 'sets a price in a sale',
    async take(desk, price, { lastsMs }) {
      await desk.plan(price, {});
      await delay(lastsMs / 2);
      await desk.setPrice(price + 100);
    },
  },
  {
    name: 'calls a sale off',
    async take(desk, price, { untilStartMs }) {
      const startsAt = Date.now() + 2 * untilStartMs + 1_000;
      const { id } = await desk.plan(price, { startsAt });
      await desk.stop(id);
      await until(startsAt + untilStartMs / 2);
    },
  },
];

/**
 * Holds a sale of one of the products whose prices nobody else sets. Does nothing if each of them has a sale already.
 */
export async function holdSale(
  life: ShopLife,
  random: SeededRandom,
  { course = random.pick(courses).name, pace = usualPace }: { course?: string; pace?: SalePace } = {},
): Promise<WatchedSale | undefined> {
  const { saleBooks } = life.record;
  const free = saleHandles.filter((handle) => saleBooks.get(handle)?.isBusy !== true);
  if (free.length === 0) return undefined;
  const handle = random.pick(free);
  const book = saleBooks.get(handle) ?? { isBusy: false };
  saleBooks.set(handle, book);
  book.isBusy = true;
  try {
    const staff = await signInStaff(life);
    const product = await askForSale(staff, handle, book.left?.sale);
    const desk = new PriceDesk(life, { staff, product, left: book.left, course });
    life.record.watchedSales.push(desk.watched);
    const bag = await fillBag(life, product);
    const end = await watchPrices(life, desk.watched, { product, bag });
    try {
      if (book.left !== undefined) {
        await desk.stop(book.left.sale);
        delete book.left;
        life.record.count('ends a sale that was left over night');
      }
      if (random.next() < 0.5) await changeBefore(life, desk, random);
      const reduced = () => Math.max(1, Math.round((desk.regular * random.integer(40, 95)) / 100));
      await courses.find(({ name }) => name === course)!.take(desk, reduced(), pace);
      const regular = desk.regular;
      if (random.next() < 0.3) book.left = { sale: (await desk.plan(reduced(), {})).id, regular };
      await desk.noteWas();
    } finally {
      await end();
    }
    life.record.count(course);
    return desk.watched;
  } finally {
    book.isBusy = false;
  }
}

/** @returns the product once it has no sale that an interrupted deed left */
async function askForSale(staff: Browser, handle: string, left: string | undefined): Promise<ShownProduct> {
  const product = await askProduct(staff, handle);
  if (product === undefined) throw new BrokenPromise(`${handle} is sold by nobody`);
  const path = `/api/staff/products/${product.id}/sales`;
  const list = await staff.ask<{ items: Sale[] }>('GET', path);
  const stray = expectAnswer('The sales', list, 200).items.filter(
    ({ id, state }) => id !== left && (state === 'planned' || state === 'running'),
  );
  for (const { id } of stray) await staff.ask('DELETE', `${path}/${id}`, undefined, { prefer: 'wait=5' });
  return stray.length === 0 ? product : askForSale(staff, handle, left);
}

async function changeBefore(life: ShopLife, desk: PriceDesk, random: SeededRandom): Promise<void> {
  await desk.setPrice(random.integer(1_500, 24_900));
  life.record.count('changes a price before a sale');
}

/** @returns the cookies of a guest with its first variant in the bag; undefined if it is sold out */
async function fillBag(life: ShopLife, { variants }: ShownProduct): Promise<string | undefined> {
  const browser = life.browser();
  const body = { variantId: variants[0]!.id, quantity: 1 };
  const { status } = await browser.ask('POST', '/api/cart/lines', body);
  return status === 200 ? browser.jar.header : undefined;
}
