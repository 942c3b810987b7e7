// Staff deeds: change prices, texts and stock, by API and by form.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Browser } from '../browser/browser.ts';
import { expectAnswer, expectStatus, expectThat } from '../browser/page.ts';
import { readStock } from '../laws/money-and-stock.ts';
import type { ShopLife, StockBase } from '../life.ts';
import { amount, saleHandles } from '../product-files/life-products.ts';
import { askProduct, pickHandle, type ShownProduct } from './products.ts';

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
