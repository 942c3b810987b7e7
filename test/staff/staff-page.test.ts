// The staff's product form changes only the fields that were edited.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveProducts } from '../../origin/catalog/change/save-product.ts';
import { readProductById, toProduct } from '../../origin/catalog/read-product.ts';
import { mailTemplates } from '../../origin/prepare-mail.ts';
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

/** The product in Postgres. */
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

const stocks = async () =>
  toProduct((await readProductById(shop.deps.db, productId))!).variants.map(({ available }) => available);
const page = async () => (await staff.request(`/staff/products/${productId}`)).text();
/** Names of the stock fields, in order of the page. */
const stockFields = (form: Record<string, string>) =>
  Object.keys(form).filter((name) => name.startsWith('stock-'));

test('whichever button is pressed saves the whole form: name, description and every row', async () => {
  const form = await openForm();
  const [small, large] = stockFields(form);
  const answer = await send({
    ...form,
    name: 'Two scarves',
    description: 'New',
    [small!]: '7',
    [large!]: '8',
  });
  expect([answer.status, answer.headers.get('Location')]).toEqual([
    303,
    expect.stringMatching(/\?invalidation=\d+$/),
  ]);
  expect(await product()).toMatchObject({ name: 'Two scarves', description: 'New' });
  expect(await stocks()).toEqual([7, 8]);
  const rows = await shop.deps.db
    .selectFrom('staff_changes')
    .select('subject')
    .orderBy('id', 'desc')
    .limit(3)
    .execute();
  expect(rows.map(({ subject }) => subject.split(':')[0]).sort()).toEqual(['product', 'variant', 'variant']);
  const buttons = (await page())
    .match(/<form class="fields"[\s\S]*?<\/form>/)![0]
    .match(/<button[^>]*type="submit"/g);
  expect(buttons).toHaveLength(3);
});

test('one field that cannot be saved keeps all from being saved, and shows all as it was typed', async () => {
  const before = [await product(), await stocks()];
  const form = await openForm();
  const [small, large] = stockFields(form);
  const typed = {
    name: 'Typed name',
    price: 'dear',
    description: 'Typed text',
    [small!]: '-1',
    [large!]: '9',
  };
  const answer = await send({ ...form, ...typed });
  expect(answer.status).toBe(422);
  const text = await answer.text();
  expect(text).toMatch(/<title>Error: /);
  for (const link of ['#price', `#${small}`]) expect(text).toContain(`<a href="${link}">`);
  for (const value of ['Typed name', 'dear', '-1', '9']) expect(text).toContain(`value="${value}"`);
  expect(text).toContain('>Typed text</textarea>');
  expect([await product(), await stocks()]).toEqual(before);
});

test('pieces that somebody else changed since the form was opened stay, where the form does not change them', async () => {
  const form = await openForm();
  const [small, large] = stockFields(form);
  await staff.put(`/api/staff/variants/${small!.replace('stock-', '')}/stock`, { stock: 1_000 });
  await send({ ...form, [large!]: '2000' });
  expect(await stocks()).toEqual([1_000, 2_000]);
});

test('a form that is sent twice is one change', async () => {
  const form = { ...(await openForm()), name: 'Sent twice' };
  const [first, second] = [await send(form), await send(form)];
  expect(second.headers.get('Location')).toBe(first.headers.get('Location'));
  const other = { ...(await openForm()), name: 'Sent again' };
  expect((await send(other)).headers.get('Location')).not.toBe(first.headers.get('Location'));
});

test('another product’s variant is not changed by this product’s form', async () => {
  const { id } = shop.variants[0]!;
  const before = await shop.deps.db
    .selectFrom('variants')
    .select('available')
    .where('id', '=', id)
    .executeTakeFirst();
  await send({ ...(await openForm()), [`stock-${id}`]: '77' });
  expect(
    await shop.deps.db.selectFrom('variants').select('available').where('id', '=', id).executeTakeFirst(),
  ).toEqual(before);
});

test('a description of 20,000 letters of any script is saved, and what was saved says how fast it is live', async () => {
  const description = '衣'.repeat(20_000);
  expect((await send({ ...(await openForm()), description })).status).toBe(303);
  expect((await product()).description).toBe(description);
  await using working = await openShop({ worker: true });
  const ofWorking = await working.staff();
  const { id } = (await ofWorking.get(`/api/products/${working.slug}`)).body;
  const answer = await ofWorking.request(`/staff/products/${id}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams({ name: 'Live' }).toString(),
  });
  const saved = await (await ofWorking.request(answer.headers.get('Location')!)).text();
  expect(saved).toMatch(/Saved\. (Live everywhere \(\d+ ms\)|Not live everywhere yet)/);
});

test('legal facts are saved by the form, told by the API, and shown on the page and in the feed', async () => {
  const facts = {
    'fact-material': '100 % lambswool',
    'fact-care': 'By hand\r\nDry flat',
    'fact-origin': 'Portugal',
    'fact-manufacturerName': 'Norlund A/S <b>',
    'fact-manufacturerAddress': 'Havnegade 1\r\n1058 København, DK',
    'fact-manufacturerEmail': 'info@norlund.example',
    'fact-responsibleName': 'EU Rep GmbH',
  };
  expect((await send({ ...(await openForm()), ...facts })).status).toBe(303);
  const told = {
    material: '100 % lambswool',
    care: 'By hand\nDry flat',
    origin: 'Portugal',
    manufacturer: {
      name: 'Norlund A/S <b>',
      address: 'Havnegade 1\n1058 København, DK',
      email: 'info@norlund.example',
    },
    responsiblePerson: { name: 'EU Rep GmbH' },
  };
  const patched = async (body: unknown) => (await staff.patch(`/api/staff/products/${productId}`, body)).body;
  expect((await patched({})).product).toMatchObject(told);
  const shown = await (await shop.browser().request('/p/long-scarf')).text();
  for (const text of [
    '100 % lambswool',
    'By hand<br>Dry flat',
    'Norlund A/S &lt;b&gt;',
    'mailto:info@norlund.example',
  ])
    expect(shown).toContain(text);
  const feed = await (await shop.browser().request('/feeds/products.xml')).text();
  expect(feed).toContain('<g:material>100 % lambswool</g:material>');
  expect(feed).toContain('<g:attribute_value>Norlund A/S &lt;b&gt;</g:attribute_value>');
  expect(await page()).toContain('care: By hand');
  // A JSON change of one member leaves the others. Null and an empty text remove one.
  const { product: left } = await patched({
    care: '',
    manufacturer: { email: null },
    responsiblePerson: null,
  });
  expect(left).toMatchObject({ material: told.material, manufacturer: { name: told.manufacturer.name } });
  for (const gone of ['care', 'responsiblePerson', 'manufacturer.email'])
    expect(left).not.toHaveProperty(gone);
  const { version } = left;
  expect((await patched({ material: told.material })).product.version).toBe(version);
  expect((await patched({ manufacturer: { email: 'nobody' } })).code).toBe('invalid-body');
  const wrong = await send({ ...(await openForm()), 'fact-manufacturerEmail': 'nobody' });
  expect([wrong.status, await wrong.text()]).toEqual([
    422,
    expect.stringContaining('href="#fact-manufacturerEmail"'),
  ]);
});

test('every kind of mail is shown as it would be sent, and leaves nothing behind', async () => {
  const rows = async () =>
    Promise.all(
      (['orders', 'outbox', 'password_resets', 'withdrawals', 'new_shop_events'] as const).map((table) =>
        shop.deps.db
          .selectFrom(table)
          .select(({ fn }) => fn.countAll().as('rows'))
          .executeTakeFirst(),
      ),
    );
  const before = await rows();
  const list = await (await staff.request('/staff/mails')).text();
  expect(mailTemplates.length).toBeGreaterThan(10);
  for (const template of mailTemplates) {
    expect(list).toContain(`href="/staff/mails/${template}"`);
    // Each kind of mail must state in words when it is sent.
    expect(list).toMatch(new RegExp(`href="/staff/mails/${template}"[^<]*>[^<]+</a></th><td>[A-Z]`));
    const shown = await staff.request(`/staff/mails/${template}`);
    expect([template, shown.status]).toEqual([template, 200]);
    expect(await shown.text()).toMatch(/<pre class="mail-text"[^>]*>[\s\S]+MyClothes\.com/);
    const frame = await staff.request(`/staff/mails/${template}/html`);
    expect(await frame.text()).toContain('<h1');
    expect(frame.headers.get('Content-Security-Policy')).toMatch(
      /default-src 'none'.*frame-ancestors 'self'/,
    );
  }
  expect((await staff.request('/staff/mails/none')).status).toBe(404);
  expect(await rows()).toEqual(before);
});
