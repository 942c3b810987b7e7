// The whole origin in this process, on its own stores, with two small products, and browsers that keep their cookies.
// Use it as `await using shop = await openShop()`; with `{ worker: true }`, jobs run too.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { expect, vi } from 'vitest';
import { createPasswords, ensureStaffAccount } from '../../origin/account/passwords.ts';
import { createApp } from '../../origin/app.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { saveProducts } from '../../origin/catalog/change/save-product.ts';
import { readSettings } from '../../origin/config.ts';
import { createDeps, type Deps } from '../../origin/deps.ts';
import { createLog } from '../../origin/log.ts';
import { createPaymentProviders, type PaymentProviders } from '../../origin/order/payment/providers.ts';
import { versionReaders } from '../../origin/version-readers.ts';
import { Health } from '../../origin/web/serving/health.ts';
import { startJobs } from '../../worker/jobs.ts';
import { aProduct, aVariant } from '../catalog/open-catalog.ts';
import { createDatabase, type PrivateStore, startRedis } from './stores.ts';

export interface ShopOptions {
  worker?: boolean;
  /** Absent: nothing is logged. */
  log?: Logger;
  env?: Record<string, string>;
}

export interface Shop extends AsyncDisposable {
  deps: Deps;
  providers: PaymentProviders;
  app: ReturnType<typeof createApp>;
  redis: PrivateStore;
  dataDir: string;
  /** The variants of both products. Each has 20 pieces, except for the last one, which has none. */
  variants: { id: string; sku: string }[];
  slug: string;
  browser(): Browser;
  staff(): Promise<Browser>;
}

/** The cheapest settings of the algorithm, because tests do not measure its duration. */
const passwords = createPasswords({ memoryCost: 64, timeCost: 1, parallelism: 1 });
export const staffAccount = { email: 'staff@myclothes.test', password: 'a-password-of-tests' };

export async function openShop(options: ShopOptions = {}): Promise<Shop> {
  await using standing = new AsyncDisposableStack();
  const database = standing.use(await createDatabase());
  const redis = standing.use(await startRedis());
  const dataDir = await mkdtemp(join(tmpdir(), 'myclothes-shop-'));
  standing.defer(() => rm(dataDir, { recursive: true, force: true }));
  const settings = readSettings({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    DATA_DIR: dataDir,
    COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
    OPERATOR_PASSWORD: 'a-password-of-operators',
    LOG_LEVEL: 'silent',
    ...options.env,
  });
  const deps = standing.use(
    createDeps(settings, options.log ?? createLog(settings, 'test'), { versionReaders }),
  );
  await vi.waitFor(() => deps.redis.ping(), { timeout: 20_000, interval: 10 });
  await fillCatalog(deps);
  if (options.worker) {
    const jobs = startJobs(deps);
    standing.defer(() => jobs.stop());
  }
  const carts = createCarts(deps);
  standing.defer(() => carts.close());
  const health = new Health();
  health.markReady();
  const providers = createPaymentProviders(settings);
  const app = createApp(deps, carts, health, { passwords, providers });
  const variants = await deps.db.selectFrom('variants').select(['id', 'sku']).orderBy('id').execute();
  const stack = standing.move();
  return {
    deps,
    providers,
    app,
    redis,
    dataDir,
    variants,
    slug: 'plain-tee',
    browser: () => new Browser(app),
    staff: () => signInStaff(deps, new Browser(app)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function fillCatalog({ db }: Deps): Promise<void> {
  await db.transaction().execute((tx) =>
    saveProducts(tx, [
      aProduct('plain-tee', {
        variants: [
          aVariant('plain-tee', 'S', 'Navy', { available: 20, priceAmount: 1_999 }),
          aVariant('plain-tee', 'M', 'Navy', { available: 20, priceAmount: 1_999 }),
        ],
      }),
      aProduct('wool-coat', {
        variants: [
          aVariant('wool-coat', 'M', 'Rust', { available: 20, priceAmount: 19_900 }),
          aVariant('wool-coat', 'L', 'Rust', { available: 0, priceAmount: 19_900 }),
        ],
      }),
    ]),
  );
}

async function signInStaff(deps: Deps, browser: Browser): Promise<Browser> {
  await ensureStaffAccount(deps.db, passwords, staffAccount);
  await browser.post('/api/sessions', staffAccount);
  return browser;
}

const patience = { timeout: 30_000, interval: 100 };

export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests, which is the check
export type Json = any;

/** A small browser: cookies of one site, JSON and forms. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #app: Shop['app'];

  constructor(app: Shop['app']) {
    this.#app = app;
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Host', 'localhost');
    if (this.cookies.size > 0 && !headers.has('Cookie')) headers.set('Cookie', this.cookieHeader);
    const response = await this.#app.request(path, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, pair.slice(pair.indexOf('=') + 1));
    }
    return response;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer<Json>> {
    return this.#json(path, { headers });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<Json>> {
    return this.#write('POST', path, body, headers);
  }

  put(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<Json>> {
    return this.#write('PUT', path, body, headers);
  }

  patch(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<Json>> {
    return this.#write('PATCH', path, body, headers);
  }

  delete(path: string, headers: Record<string, string> = {}): Promise<Answer<Json>> {
    return this.#write('DELETE', path, undefined, headers);
  }

  add(variantId: string, quantity = 1, key: string = randomUUID()): Promise<Answer<Json>> {
    return this.post('/api/cart/lines', { variantId, quantity }, { 'Idempotency-Key': key });
  }

  /** Adds pieces, with retries for a busy machine. The add has one key, so it counts once. */
  async fill(variantId: string, quantity = 1): Promise<void> {
    const key = randomUUID();
    await vi.waitFor(
      async () => expect((await this.add(variantId, quantity, key)).status).toBe(200),
      patience,
    );
  }

  /** Fills the cart and orders it, with retries too. @returns the order */
  async buy(variantId: string, quantity = 1, change: Record<string, unknown> = {}): Promise<Json> {
    await this.fill(variantId, quantity);
    const key = randomUUID();
    return vi.waitFor(async () => {
      const { status, body } = await this.order(change, key);
      expect(status).toBe(201);
      return body;
    }, patience);
  }

  /** Orders, with retries while a busy machine asks for them. The order has one key, so it counts once. */
  async orderAtLast(change: Record<string, unknown> = {}): Promise<Answer<Json>> {
    const key = randomUUID();
    return vi.waitFor(async () => {
      const answer = await this.order(change, key);
      expect(answer.status).not.toBe(503);
      return answer;
    }, patience);
  }

  order(change: Record<string, unknown> = {}, key: string = randomUUID()): Promise<Answer<Json>> {
    return this.post('/api/orders', { ...anOrder, ...change }, { 'Idempotency-Key': key });
  }

  signUp(email: string, password = 'a-password-of-tests'): Promise<Answer<Json>> {
    return this.post('/api/accounts', { email, password, name: 'Test Person' });
  }

  #write(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer<Json>> {
    if (body === undefined) return this.#json(path, { method, headers });
    return this.#json(path, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async #json(path: string, init: RequestInit): Promise<Answer<Json>> {
    const response = await this.request(path, init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('Content-Type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
}

export const anOrder = {
  email: 'buyer@example.com',
  shippingAddress: {
    name: 'B. Uyer',
    line1: '1 Long Lane',
    city: 'Dublin',
    postalCode: 'D01',
    country: 'IE',
  },
  payment: { provider: 'demo', outcome: 'paid' },
};
