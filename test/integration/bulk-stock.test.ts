// Stock by SKU in bulk: each row has its own answer, in order, once for each idempotency key.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { saveProducts } from '../../origin/catalog/change/save-product.ts';
import { aProduct, aVariant } from '../catalog/open-catalog.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let skus: string[];

beforeAll(async () => {
  shop = await openShop({ worker: true, env: { RATE_LIMITS: 'off' } });
  staff = await shop.staff();
  skus = shop.variants.map(({ sku }) => sku);
});
afterAll(() => shop[Symbol.asyncDispose]());

const change = (changes: unknown, headers: Record<string, string> = {}) =>
  staff.post('/api/staff/stock', { changes }, headers);
/** Repeats a call that a busy machine refuses. The key makes it count once. */
const changeAtLast = (changes: unknown) => {
  const key = { 'Idempotency-Key': randomUUID() };
  return vi.waitFor(
    async () => {
      const answer = await change(changes, key);
      expect(answer.status).toBe(200);
      return answer;
    },
    { timeout: 30_000, interval: 50 },
  );
};
const outcomesOf = ({ body }: { body: Json }) =>
  body.items.map(({ outcome, stock }: Json) => (stock === undefined ? outcome : `${outcome} ${stock}`));
const stockOf = async (sku: string): Promise<number> => {
  const row = await shop.deps.db
    .selectFrom('variants')
    .select('available')
    .where('sku', '=', sku)
    .executeTakeFirstOrThrow();
  return row.available;
};

test('Rows are answered in their order, and a bad one fails no other', async () => {
  const [one, two, three, four] = skus as [string, string, string, string];
  const answer = await change([
    { sku: one, set: 30 },
    { sku: 'no-such-sku', set: 1 },
    { sku: two, add: 5 },
    { sku: two, add: -10, expected: 25 },
    { sku: three, set: 9, expected: 7 },
    { sku: three, add: -21 },
    { sku: four, add: 10_000_000 },
    { sku: four, add: 1 },
    { sku: one, set: 1, add: 1 },
    { sku: one },
    { sku: one, set: -1 },
    { sku: one, set: 1.5 },
    { sku: one, set: '7' },
    { sku: one, set: 10_000_001 },
    { sku: 7, set: 1 },
    { sku: '', set: 1 },
    { sku: `a${'\0'}b`, set: 1, '\0': 1 },
    { sku: '\ud800', set: 1 },
    { sku: one, set: 1, price: 1 },
    null,
    'nonsense',
    [],
    { sku: one, add: 1 },
  ]);
  expect(answer.status).toBe(200);
  expect(outcomesOf(answer)).toEqual([
    'ok 30',
    'not-found',
    'ok 25',
    'ok 15',
    'conflict 20',
    'out-of-range 20',
    'ok 10000000',
    'out-of-range 10000000',
    ...Array.from({ length: 14 }, () => 'invalid'),
    'ok 31',
  ]);
  const { items } = answer.body;
  expect(items[0]).toEqual({ sku: one, outcome: 'ok', variantId: shop.variants[0]!.id, stock: 30 });
  expect(items[8]).toMatchObject({ sku: one, message: expect.stringContaining('not both') });
  expect(await Promise.all([one, two, three, four].map(stockOf))).toEqual([31, 15, 20, 10_000_000]);
  expect((await staff.get(`/api/products/${shop.slug}`)).body.variants[0].available).toBeLessThanOrEqual(31);
});

test('At most 500 rows are taken, and nothing of a call with more', async () => {
  const rows = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ sku: skus[n % 4]!, set: 40 + (n % 4) }));
  const before = await stockOf(skus[0]!);
  const refused = await change(rows(501));
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid-body' } });
  expect(await stockOf(skus[0]!)).toBe(before);
  const answer = await change(rows(500), { Prefer: 'wait=5' });
  expect(answer.body.items).toHaveLength(500);
  expect(answer.body.invalidation.state).toBe('done');
  expect(answer.headers.get('Preference-Applied')).toBe('wait=5');
  const { variants } = (await shop.browser().get(`/api/products/${shop.slug}`)).body;
  expect(variants.map(({ available }: Json) => available)).toEqual([40, 41]);
  const long = Array.from({ length: 500 }, (_, n) => ({ sku: `${n}`.padEnd(255, 'x'), set: 1 }));
  expect(outcomesOf(await change(long))).toEqual(long.map(() => 'not-found'));
  for (const body of [{}, { changes: null }, { changes: {} }, { changes: [], more: 1 }, [], 'x'])
    expect([body, (await staff.post('/api/staff/stock', body)).status]).toEqual([body, 422]);
  expect((await change([])).body).toMatchObject({ items: [], invalidation: { state: 'done' } });
});

test('One key is one change, however often and however many at once it is sent', async () => {
  const [sku] = skus as [string];
  await change([{ sku, set: 100 }]);
  const key = { 'Idempotency-Key': randomUUID() };
  const answers = await Promise.all(Array.from({ length: 8 }, () => change([{ sku, add: 7 }], key)));
  for (const answer of answers) expect(outcomesOf(answer)).toEqual(['ok 107']);
  expect(await stockOf(sku)).toBe(107);
  expect((await change([{ sku, add: 8 }], key)).body.code).toBe('idempotency-key-reused');
});

test('Adding, comparing and selling at once loses no piece', async () => {
  const [one, two] = skus as [string, string];
  await change([one, two].map((sku) => ({ sku, set: 50 })));
  const buy = async (at: number) => (await shop.browser().buy(shop.variants[at]!.id)).status;
  const swap = async (): Promise<number> => {
    for (;;) {
      const now = await stockOf(one);
      const [outcome] = outcomesOf(await changeAtLast([{ sku: one, set: now + 100, expected: now }]));
      if (outcome.startsWith('ok')) return 100;
    }
  };
  const orders = Array.from({ length: 6 }, (_, n) => buy(n % 2));
  const adds = Array.from({ length: 10 }, (_, n) =>
    changeAtLast(
      n % 2 === 0 ? [one, two].map((sku) => ({ sku, add: 3 })) : [two, one].map((sku) => ({ sku, add: -1 })),
    ),
  );
  await Promise.all([...orders, ...adds, swap(), swap()]);
  expect([await stockOf(one), await stockOf(two)]).toEqual([50 - 3 + 15 - 5 + 200, 50 - 3 + 15 - 5]);
});

test('A SKU of several variants is ambiguous, unless all others are archived; what is not counted is set, not added', async () => {
  const { db } = shop.deps;
  await db.transaction().execute((tx) =>
    saveProducts(tx, [
      aProduct('twin', {
        variants: ['S', 'M'].map((size) => ({
          ...aVariant('twin', size, 'Red', { available: 3 }),
          sku: 'TWIN',
        })),
      }),
      aProduct('uncounted', { variants: [aVariant('uncounted', 'S', 'Red', { available: 3 })] }),
    ]),
  );
  expect(outcomesOf(await change([{ sku: 'TWIN', set: 1 }]))).toEqual(['ambiguous']);
  await sql`update variants set archived_at = now() where sku = 'TWIN' and size = 'M'`.execute(db);
  expect(outcomesOf(await change([{ sku: 'TWIN', set: 1 }]))).toEqual(['ok 1']);
  await sql`update variants set archived_at = now() where sku = 'TWIN'`.execute(db);
  expect(outcomesOf(await change([{ sku: 'TWIN', set: 1 }]))).toEqual(['ambiguous']);
  await sql`update variants set stock_tracked = false, file_cells = '{"Variant Barcode": "4006381333931"}'
    where sku like 'uncounted%'`.execute(db);
  const { body: found } = await staff.get('/api/staff/variants?barcode=4006381333931');
  expect(found.items).toMatchObject([
    { productSlug: 'uncounted', stock: null, available: 99, archived: false },
  ]);
  const [{ sku }] = found.items;
  const rows = [
    { sku, add: 1 },
    { sku, set: 5, expected: null },
    { sku, add: 2, expected: 5 },
  ];
  const answer = await change(rows);
  expect(answer.body.items.map(({ outcome, stock }: Json) => [outcome, stock])).toEqual([
    ['not-counted', null],
    ['ok', 5],
    ['ok', 7],
  ]);
  expect((await staff.get(`/api/staff/variants?sku=${sku}`)).body.items).toMatchObject([{ sku, stock: 7 }]);
  expect((await staff.get('/api/staff/variants?sku=no-such')).body.items).toEqual([]);
  expect((await staff.get('/api/staff/variants')).status).toBe(400);
});
