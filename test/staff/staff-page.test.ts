// The staff's form changes what was changed in it, and nothing else.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveProducts } from '../../origin/catalog/change/save-product.ts';
import { readProductById, toProduct } from '../../origin/catalog/read-product.ts';
import { aProduct, aVariant } from '../catalog/open-catalog.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let productId: string;
beforeAll(async () => {
  shop = await openShop();
  staff = await shop.staff();
  await shop.deps.db.transaction().execute((tx) =>
    saveProducts(tx, [
      aProduct('long-scarf', {
        variants: [
          aVariant('long-scarf', 'S', 'Navy', { available: 3, priceAmount: 1_000 }),
          aVariant('long-scarf', 'L', 'Navy', { available: 3, priceAmount: 3_000 }),
        ],
      }),
    ]),
  );
  productId = (await staff.get('/api/products/long-scarf')).body.id;
});
afterAll(() => shop[Symbol.asyncDispose]());

/** The form as a browser would send it. */
async function openForm(): Promise<Record<string, string>> {
  const page = await (await staff.request(`/staff/products/${productId}`)).text();
  const form = page.slice(
    page.indexOf('<form class="fields"'),
    page.indexOf('</form>', page.indexOf('<form class="fields"')),
  );
  const inputs = [...form.matchAll(/<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"/g)];
  const description = /<textarea[^>]*>([^<]*)<\/textarea>/.exec(form)![1]!;
  return { ...Object.fromEntries(inputs.map(([, name, value]) => [name, value])), description };
}

async function send(values: Record<string, string>): Promise<Response> {
  return staff.request(`/staff/products/${productId}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams(values).toString(),
  });
}

/** As Postgres has it. */
async function product() {
  const { name, description, variants } = toProduct((await readProductById(shop.deps.db, productId))!);
  return { name, description, prices: variants.map(({ price }) => price.amount) };
}

test('a new description leaves prices that differ as they are, and says that they do', async () => {
  const form = await openForm();
  expect(await (await staff.request(`/staff/products/${productId}`)).text()).toContain('Prices differ');
  expect((await send({ ...form, description: 'Two metres\r\nof lambswool' })).status).toBe(303);
  expect(await product()).toMatchObject({ description: 'Two metres\nof lambswool', prices: [1_000, 3_000] });
});

test('what somebody else changed since the form was opened stays', async () => {
  const form = await openForm();
  await staff.patch(`/api/staff/products/${productId}`, { name: 'A longer scarf' });
  await send({ ...form, description: 'Of merino' });
  expect(await product()).toMatchObject({ name: 'A longer scarf', description: 'Of merino' });
});

test('a form in which nothing was changed is no change', async () => {
  const count = () =>
    shop.deps.db
      .selectFrom('staff_changes')
      .select(({ fn }) => fn.countAll().as('rows'))
      .executeTakeFirst();
  const before = await count();
  const answer = await send(await openForm());
  expect([answer.status, answer.headers.get('Location')]).toEqual([303, `/staff/products/${productId}`]);
  expect(await count()).toEqual(before);
});

test('a price that was entered is the price of all', async () => {
  await send({ ...(await openForm()), price: '25.00' });
  expect((await product()).prices).toEqual([2_500, 2_500]);
});
