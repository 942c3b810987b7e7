// Deeds of staff and of their ERP: change prices, texts and stock, by API and by form, and by SKU in bulk.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Browser } from '../browser/browser.ts';
import { expectAnswer, expectStatus, expectThat } from '../browser/page.ts';
import { readStock } from '../laws/money-and-stock.ts';
import type { ShopLife, StockBase } from '../life.ts';
import { amount, saleHandles } from '../product-files/life-products.ts';
import { askProduct, pickHandle, type ShownProduct } from './browse.ts';

const newTexts = [
  'Now in organic cotton — softer & warmer.',
  'Wash “cold”; don’t bleach.\nDry flat.',
  'שטיפה עדינה · Προσοχή · 手洗い 🧼',
  '50/50 linen/wool, 3 < 4 pockets.',
];

export async function signInStaff(life: ShopLife): Promise<Browser> {
  const browser = life.browser();
  expectAnswer('Signing the staff in', await browser.ask('POST', '/api/sessions', life.shop.staff), 201);
  return browser;
}

interface StaffAnswer {
  product: ShownProduct;
}

async function pickForStaff(
  life: ShopLife,
  random: SeededRandom,
  browser: Browser,
): Promise<ShownProduct | undefined> {
  return askProduct(browser, await pickHandle(life, random, browser));
}

export async function changePrice(life: ShopLife, random: SeededRandom): Promise<void> {
  await life.desk.alone(async () => {
    const browser = await signInStaff(life);
    const product = await pickForStaff(life, random, browser);
    if (product === undefined || saleHandles.includes(product.slug)) return;
    const price = random.integer(500, 29_900);
    if (random.next() < 0.5) {
      const sale = random.next() < 0.5 ? { sale: true } : {};
      const body = { price: { amount: price, currency: product.price.currency }, ...sale };
      await patch(browser, product, body);
      life.record.count('changes a price by API');
    } else {
      await submitDetails(browser, product, { price: amount(price) });
      life.record.count('changes a price by form');
    }
    life.record.noteSet(product.slug, 'Variant Price', amount(price));
  });
}

export async function changeText(life: ShopLife, random: SeededRandom): Promise<void> {
  await life.desk.alone(async () => {
    const browser = await signInStaff(life);
    const product = await pickForStaff(life, random, browser);
    if (product === undefined) return;
    const description = random.pick(newTexts);
    const name = random.next() < 0.5 ? undefined : withEdition(product.name, random);
    if (random.next() < 0.5) {
      const { product: after } = await patch(browser, product, {
        description,
        ...(name === undefined ? {} : { name }),
      });
      expectThat(
        after.description === description,
        `${product.slug} has the description ${JSON.stringify(after.description)}, not ${JSON.stringify(description)}`,
      );
      life.record.count('changes a text by API');
    } else {
      await submitDetails(browser, product, { description, ...(name === undefined ? {} : { name }) });
      life.record.count('changes a text by form');
    }
    life.record.noteSet(product.slug, 'Body (HTML)', undefined);
    if (name !== undefined) life.record.noteSet(product.slug, 'Title', name);
  });
}

/** Names another edition of the same piece. It replaces the number, so that titles do not grow in a long life. */
function withEdition(name: string, random: SeededRandom): string {
  return `${name.replace(/ – N° \d+/, '')} – N° ${random.integer(2, 99)}`;
}

async function patch(browser: Browser, product: ShownProduct, body: object): Promise<StaffAnswer> {
  const path = `/api/staff/products/${product.id}`;
  const answer = await browser.ask<StaffAnswer>('PATCH', path, body, { prefer: 'wait=5' });
  return expectAnswer(`Changing ${product.slug}`, answer, 200);
}

/** Submits the form as the page shows it, with only these values changed. */
async function submitDetails(
  browser: Browser,
  product: ShownProduct,
  values: Record<string, string>,
): Promise<void> {
  const page = expectStatus(await browser.open(`/staff/products/${product.id}`), 200);
  const form = page.form({ action: `/staff/products/${product.id}`, has: '[name="price"]' });
  expectStatus(await browser.submit(form, values), 200);
}

export async function setStock(life: ShopLife, random: SeededRandom): Promise<void> {
  await life.desk.alone(async () => {
    const browser = await signInStaff(life);
    const product = await pickForStaff(life, random, browser);
    if (product === undefined) return;
    const variant = random.pick(product.variants);
    const stock = random.pick([0, 1, random.integer(2, 90)]);
    const byForm = random.next() < 0.5;
    await life.till.alone(() =>
      setBase(life, variant.id, stock, () =>
        byForm
          ? submitStock(browser, product, variant, stock)
          : putStock(browser, product, variant.id, stock),
      ),
    );
    life.record.count(byForm ? 'sets a stock by form' : 'sets a stock by API');
  });
}

async function putStock(
  browser: Browser,
  product: ShownProduct,
  variantId: string,
  stock: number,
): Promise<void> {
  const path = `/api/staff/variants/${variantId}/stock`;
  const answer = await browser.ask<StaffAnswer>('PUT', path, { stock }, { prefer: 'wait=5' });
  expectAnswer(`The stock of a piece of ${product.slug}`, answer, 200);
}

async function submitStock(
  browser: Browser,
  product: ShownProduct,
  variant: { id: string; sku: string },
  stock: number,
): Promise<void> {
  const page = expectStatus(await browser.open(`/staff/products/${product.id}`), 200);
  const field = page.root
    .querySelectorAll('input')
    .find((input) => (input.getAttribute('aria-label') ?? '').endsWith(` ${variant.sku}`));
  const name = field?.getAttribute('name');
  expectThat(name !== undefined, `The staff's page of ${product.slug} has no stock field for ${variant.sku}`);
  const formId = field!.getAttribute('form') ?? field!.closest('form')?.getAttribute('id');
  const form =
    formId === undefined
      ? page.formAround(field!)
      : page.formAround(page.root.querySelector(`form[id="${formId}"]`) ?? field!);
  expectStatus(await browser.submit(form, { [name!]: String(stock) }), 200);
}

/**
 * Sets a stock and records it as the variant's base. Nobody orders meanwhile, but an ended order may return pieces: the
 * stock is then set again.
 */
async function setBase(
  life: ShopLife,
  variantId: string,
  stock: number,
  set: () => Promise<void>,
): Promise<void> {
  const soldOf = async () => (await readStock(life)).find(({ id }) => id === variantId)?.sold ?? 0;
  for (;;) {
    const before = await soldOf();
    await set();
    const base: StockBase = { set: stock, soldBefore: before };
    if ((await soldOf()) === before) return void life.record.stock.set(variantId, base);
  }
}

/** The key is made by the owner once, and used by every system from then on. */
export async function apiKeyOf(life: ShopLife): Promise<string> {
  if (life.record.apiKey !== undefined) return life.record.apiKey;
  const owner = await signInStaff(life);
  const body = { name: 'ERP “Lager”', scopes: ['stock:write', 'catalog:read', 'events:read'] };
  const made = await owner.ask<{ key: string }>('POST', '/api/staff/api-keys', body);
  life.record.apiKey ??= expectAnswer('An API key', made, 201).key;
  return life.record.apiKey;
}

interface Outcome {
  sku?: string;
  outcome: string;
  stock?: number | null;
}

/** Sends arrived pieces, a count and an outdated count in one call. The call is sent twice. */
export async function changeStockByKey(life: ShopLife, random: SeededRandom): Promise<void> {
  const key = await apiKeyOf(life);
  await life.desk.alone(() =>
    life.till.alone(async () => {
      const before = await readStock(life);
      const bySku = Map.groupBy(before, ({ sku }) => sku);
      const pieces = before.filter(({ sku, isCounted }) => isCounted && bySku.get(sku)?.length === 1);
      const [arrived, counted, stale] = [0, 1, 2].map(() => random.pick(pieces));
      if (new Set([arrived, counted, stale]).size < 3) return;
      const changes = [
        { sku: arrived!.sku, add: random.integer(1, 12) },
        { sku: counted!.sku, set: random.integer(0, 60) },
        { sku: stale!.sku, add: 1, expected: stale!.available + 1_000 },
        { sku: 'No such SKU’s “piece”', set: 3 },
        { sku: arrived!.sku },
      ];
      const headers = { authorization: `Bearer ${key}`, 'idempotency-key': randomUUID() };
      const ask = () =>
        life.browser().ask<{ items: Outcome[] }>('POST', '/api/staff/stock', { changes }, headers);
      const first = expectAnswer('Stock in bulk', await ask(), 200).items;
      const again = expectAnswer('Stock in bulk', await ask(), 200).items;
      const told = JSON.stringify(first.map(({ outcome }) => outcome));
      expectThat(
        told === '["ok","ok","conflict","not-found","invalid"]',
        `Stock in bulk was answered ${told}`,
      );
      expectThat(
        isDeepStrictEqual(again, first),
        `Stock in bulk that was sent again was answered ${JSON.stringify(again)}`,
      );
      // Pieces that came back from ended orders meanwhile are part of the count.
      const now = new Map((await readStock(life)).map((piece) => [piece.id, piece]));
      for (const [at, piece] of [arrived!, counted!].entries()) {
        const { available, sold } = now.get(piece.id)!;
        if (sold === piece.sold)
          expectThat(
            available === first[at]!.stock,
            `${piece.sku} was said to have ${first[at]!.stock} pieces and has ${available}`,
          );
        life.record.stock.set(piece.id, { set: available, soldBefore: sold });
      }
    }),
  );
  life.record.count('changes stock in bulk by API key');
}
