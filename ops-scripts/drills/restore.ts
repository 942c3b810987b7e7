// Drill: Postgres is restored to an earlier moment while Redis, origins and edge go on.
// Once the restore is reported done, no answer may show what the database does not have. Restores a base backup and a
// dump.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { CookieJar } from '../traffic/http-connection.ts';
import { readVariants, type StockedVariant } from '../traffic/read-catalog.ts';
import type { DrillContext, DrillResult } from './drill.ts';
import type { DrillRegion } from './region.ts';
import { signInStaff } from './staff.ts';

const run = promisify(execFile);
const backupKey = 'a-key-of-the-drill-with-32-letters';
const requestMs = 8_000;
const patienceMs = 60_000;

export async function restoreDrill(context: DrillContext): Promise<DrillResult> {
  const found = { acknowledged: 0, errors: 0, notes: [] as string[] };
  for (const way of ['base backup', 'dump'] as const) {
    const scene = await Scene.open(context);
    await scene.shop(2);
    await scene.region.rebuilt();
    const restore = way === 'dump' ? await scene.dump() : await scene.baseBackup();
    await scene.goOn(context.size.seconds ?? (context.short ? 8 : 60));
    await restore();
    await scene.reportDone();
    await scene.compare(context.short ? 4 : 15);
    found.acknowledged += scene.acknowledged;
    found.errors += scene.wrong.length;
    found.notes.push(`${way}: ${scene.describe()}`, ...scene.wrong.slice(0, 10));
    await scene.region.rebuilt();
  }
  const { acknowledged, errors, notes } = found;
  return {
    drill: 'restore',
    state: context.state,
    seed: context.seed,
    acknowledged,
    lost: 0,
    duplicated: 0,
    errors,
    unavailableSeconds: 0,
    recoverySeconds: 0,
    verdict: errors === 0 && acknowledged > 0 ? 'pass' : 'fail',
    notes,
  };
}

interface CartView {
  count: number;
  durability: string;
  incomplete?: true;
  lines: { variantId: string; quantity: number }[];
}

/** A guest that uses the same cookies at each origin. */
class Guest {
  readonly jar = new CookieJar();
  readonly orders: string[] = [];

  async ask(url: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const key = randomUUID();
    for (const until = performance.now() + patienceMs; ; await delay(200)) {
      const answer = await fetch(url + path, {
        method: body ? 'POST' : 'GET',
        headers: { 'content-type': 'application/json', 'idempotency-key': key, cookie: this.jar.header },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(requestMs),
      }).catch(() => undefined);
      if (answer !== undefined) this.jar.keep(answer);
      const told = await answer?.json().catch(() => undefined);
      if (answer !== undefined && answer.status < 500) return { status: answer.status, body: told };
      if (performance.now() > until)
        throw new Error(`Nobody answered ${path}: ${answer?.status ?? 'silence'}`);
    }
  }

  get cartId(): string {
    return /__Host-cart=s1\.([\w-]{22})\./.exec(decodeURIComponent(this.jar.header))?.[1] ?? '';
  }
}

const order = {
  email: 'drill@myclothes.test',
  shippingAddress: { name: 'D. Rill', line1: '1 Way Back', city: 'Dublin', postalCode: 'D01', country: 'IE' },
  payment: { provider: 'demo', outcome: 'paid' },
};

class Scene {
  readonly region: DrillRegion;
  readonly wrong: string[] = [];
  acknowledged = 0;
  readonly #variants: StockedVariant[];
  readonly #change: Awaited<ReturnType<typeof signInStaff>>['change'];
  readonly #guests: Guest[] = [];
  #answers = 0;

  private constructor(
    region: DrillRegion,
    variants: StockedVariant[],
    change: Awaited<ReturnType<typeof signInStaff>>['change'],
  ) {
    this.region = region;
    this.#variants = variants;
    this.#change = change;
  }

  static async open({ region }: DrillContext): Promise<Scene> {
    await region.refresh();
    const variants = await readVariants(region.storefront, 4);
    const { change } = await signInStaff(region.storefront, region.staff, () => undefined);
    return new Scene(region, variants, change);
  }

  /** Guests fill carts and one of them orders; staff sets prices. */
  async shop(guests: number): Promise<void> {
    const { storefront } = this.region;
    for (let n = 0; n < guests; n++) {
      const guest = new Guest();
      this.#guests.push(guest);
      await this.#add(guest);
    }
    const buyer = this.#guests.at(-1)!;
    const placed = await buyer.ask(storefront, '/api/orders', order);
    if (placed.status === 201) buyer.orders.push((placed.body as { id: string }).id);
    for (const guest of this.#guests) await this.#add(guest);
    await this.#setPrices();
    await this.#readAll();
  }

  async #add(guest: Guest, url = this.region.storefront): Promise<CartView> {
    const { id: variantId } = this.#variants[this.acknowledged % this.#variants.length]!;
    const { status, body } = await guest.ask(url, '/api/cart/lines', { variantId, quantity: 1 });
    if (status !== 200) throw new Error(`An add was refused with ${status}`);
    this.acknowledged += 1;
    return body as CartView;
  }

  async #setPrices(): Promise<void> {
    for (const { id } of await this.#products()) {
      const amount = 1_000 + ((this.acknowledged * 7) % 900);
      const body = { price: { amount, currency: 'EUR' } };
      if ((await this.#change({ method: 'PATCH', path: `/api/staff/products/${id}`, body })) !== undefined)
        this.acknowledged += 1;
    }
  }

  async #products(): Promise<{ id: string; slug: string }[]> {
    const slugs = new Set(this.#variants.map(({ slug }) => slug));
    const answer = await fetch(`${this.region.storefront}/api/products?limit=100`);
    const { items } = (await answer.json()) as { items: { id: string; slug: string }[] };
    return items.filter(({ slug }) => slugs.has(slug));
  }

  /** Reads every page, so that every cache has it. */
  async #readAll(): Promise<void> {
    for (const slug of new Set(this.#variants.map((variant) => variant.slug)))
      for (const url of this.#doors())
        await fetch(`${url}/api/products/${slug}`).then((answer) => answer.arrayBuffer());
  }

  #doors(): string[] {
    const { storefront, edge } = this.region;
    return [storefront, edge, ...this.region.origins().map(({ url }) => url)];
  }

  async baseBackup(): Promise<() => Promise<void>> {
    const backup = await this.region.takeBaseBackup();
    return () => this.region.restore(backup);
  }

  async dump(): Promise<() => Promise<void>> {
    const { region } = this;
    const to = join(region.folder, `dump-${randomUUID()}`);
    const { stdout } = await this.#ops(['backup', 'create', '--to', to, '--json']);
    const { file } = JSON.parse(stdout) as { file: string };
    return () => region.restore({ file, key: backupKey });
  }

  async goOn(seconds: number): Promise<void> {
    for (const until = performance.now() + seconds * 1_000; performance.now() < until; ) await this.shop(1);
  }

  async reportDone(): Promise<void> {
    await this.region.refresh();
    await this.#ops(['db', 'restored']);
  }

  #ops(args: string[]) {
    const env = {
      ...process.env,
      DATABASE_URL: this.region.ofKind('postgres-primary').url,
      REDIS_URL: this.region.ofKind('redis-primary').url,
      DATA_DIR: this.region.folder,
      BACKUP_KEY: backupKey,
    };
    return run(process.execPath, ['ops-scripts/main.ts', ...args], { env });
  }

  /** Compares every answer with what the database has at that moment. */
  async compare(seconds: number): Promise<void> {
    const client = new pg.Client({ connectionString: this.region.ofKind('postgres-primary').url });
    await client.connect();
    try {
      for (const until = performance.now() + seconds * 1_000; performance.now() < until; ) {
        await this.#comparePrices(client);
        for (const guest of this.#guests) {
          await this.#compareCart(client, guest);
          await this.#compareOrders(client, guest);
        }
      }
      for (const guest of this.#guests) await this.#compareAdd(guest);
    } finally {
      await client.end();
    }
  }

  async #comparePrices(client: pg.Client): Promise<void> {
    for (const slug of new Set(this.#variants.map((variant) => variant.slug))) {
      const { rows } = await client.query<{ price: number; version: number }>(
        'select price_amount as price, version from products where slug = $1',
        [slug],
      );
      for (const url of this.#doors()) {
        const answer = await fetch(`${url}/api/products/${slug}`);
        const { price, version } = (await answer.json()) as { price: { amount: number }; version: number };
        this.#answers += 1;
        if (price.amount !== rows[0]!.price || version !== rows[0]!.version)
          this.wrong.push(
            `${url} showed ${slug} at ${price.amount}@${version}, not ${rows[0]!.price}@${rows[0]!.version}`,
          );
      }
    }
  }

  async #compareCart(client: pg.Client, guest: Guest): Promise<void> {
    const { rows } = await client.query<{ lines: unknown }>('select lines from carts where id = $1', [
      guest.cartId,
    ]);
    const has = piecesOf((rows[0]?.lines ?? []) as Line[]);
    for (const { url, name } of this.region.origins()) {
      const { body } = await guest.ask(url, '/api/cart');
      const view = body as CartView;
      this.#answers += 1;
      if (view.incomplete) this.wrong.push(`${name} says that a cart is incomplete`);
      // Operations that were journalled while Postgres was away are still to come.
      if (view.durability !== 'journal' && piecesOf(view.lines) !== has)
        this.wrong.push(`${name} showed a cart of ${piecesOf(view.lines)}, not ${has}`);
    }
  }

  async #compareOrders(client: pg.Client, guest: Guest): Promise<void> {
    for (const id of guest.orders) {
      const { rowCount } = await client.query('select from orders where id = $1', [id]);
      for (const { url, name } of this.region.origins()) {
        const { status } = await guest.ask(url, `/api/orders/${id}`);
        this.#answers += 1;
        if ((status === 200) !== (rowCount === 1))
          this.wrong.push(
            `${name} answered ${status} for an order that ${rowCount === 1 ? 'stands' : 'is gone'}`,
          );
      }
    }
  }

  /** Checks that the answer to an add and the carts at all origins agree. */
  async #compareAdd(guest: Guest): Promise<void> {
    const added = piecesOf((await this.#add(guest)).lines);
    for (const { url, name } of this.region.origins()) {
      const { body } = await guest.ask(url, '/api/cart');
      this.#answers += 1;
      if (piecesOf((body as CartView).lines) !== added)
        this.wrong.push(
          `${name} showed ${piecesOf((body as CartView).lines)} after an add that answered ${added}`,
        );
    }
  }

  describe(): string {
    return `${this.#answers} answers compared with the database, ${this.wrong.length} showed something else`;
  }
}

interface Line {
  variantId: string;
  quantity: number;
}

function piecesOf(lines: Line[]): string {
  return lines
    .map(({ variantId, quantity }) => `${variantId}×${quantity}`)
    .sort()
    .join(' ');
}
