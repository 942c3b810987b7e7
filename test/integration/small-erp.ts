// A small ERP: follows events by its API key, ships paid orders and sets stock; its line loses requests and answers.
import { expect, vi } from 'vitest';
import type { Json, Shop } from '../support/shop.ts';

interface Saved {
  after: string | undefined;
  /** Stock by SKU, according to the events. */
  stock: Map<string, number | null>;
  /** Status by order id, according to the events. */
  orders: Map<string, string>;
}

export class SmallErp {
  /** State on the ERP's own disk. All other state is lost with its process. */
  saved: Saved = { after: undefined, stock: new Map(), orders: new Map() };
  lost = 0;
  readonly #shop: Shop;
  readonly #key: string;
  readonly #random: () => number;

  constructor(shop: Shop, key: string, random: () => number) {
    this.#shop = shop;
    this.#key = key;
    this.#random = random;
  }

  /** Repeats a request until an answer arrives. A write has the same key each time. */
  async ask(method: string, path: string, body?: unknown, key?: string): Promise<Json> {
    return vi.waitFor(
      async () => {
        if (this.#loses()) throw new Error('the request was lost');
        const response = await this.#shop.app.request(path, {
          method,
          headers: {
            Host: 'localhost',
            Authorization: `Bearer ${this.#key}`,
            'Content-Type': 'application/json',
            ...(key === undefined ? {} : { 'Idempotency-Key': key }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const answer: Json = await response.json();
        if (this.#loses()) throw new Error('the answer was lost');
        if (response.status === 503) throw new Error('the shop is busy');
        expect([method, path, response.status, answer]).toEqual([
          method,
          path,
          expect.toBeOneOf([200, 201, 409]),
          answer,
        ]);
        return answer;
      },
      { timeout: 30_000, interval: 1 },
    );
  }

  /** Follows events until none is new. The process may die after any event; it then repeats the last page. */
  async follow(): Promise<void> {
    for (;;) {
      const { after } = this.saved;
      const query = new URLSearchParams({ limit: '5', ...(after === undefined ? {} : { after }) });
      const { items, next } = await this.ask('GET', `/api/staff/events?${query}`);
      const page: Saved = {
        after: next,
        stock: new Map(this.saved.stock),
        orders: new Map(this.saved.orders),
      };
      let died = false;
      for (const event of items) {
        await this.#learn(page, event);
        died = this.#random() < 0.1;
        if (died) break;
      }
      if (!died) this.saved = page;
      if (!died && items.length === 0) return;
    }
  }

  /** Adds pieces of a delivery note, which is sent twice. */
  async receive(note: string, pieces: Record<string, number>): Promise<void> {
    const changes = Object.entries(pieces).map(([sku, add]) => ({ sku, add }));
    for (let time = 0; time < 2; time += 1) {
      const { items } = await this.ask('POST', '/api/staff/stock', { changes }, `note-${note}`);
      expect(items.map(({ outcome }: Json) => outcome)).toEqual(changes.map(() => 'ok'));
    }
  }

  async #learn({ stock, orders }: Saved, { type, data }: Json): Promise<void> {
    if (type === 'stock.changed') stock.set(data.sku, data.stock);
    if (type.startsWith('order.')) orders.set(data.orderId, `${data.status} ${data.fulfilment}`);
    if (type !== 'order.paid') return;
    const path = `/api/staff/orders/${data.orderId}`;
    const { fulfilment, status } = await this.ask('GET', path);
    if (fulfilment !== 'open' || status === 'cancelled') return;
    const parcel = { carrier: 'DHL', trackingNumber: `T${data.orderId}` };
    await this.ask('POST', `${path}/shipments`, parcel, `ship-${data.orderId}`);
  }

  #loses(): boolean {
    const isLost = this.#random() < 0.2;
    if (isLost) this.lost += 1;
    return isLost;
  }
}
