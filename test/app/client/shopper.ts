// A client as an integrator writes it: types from the OpenAPI document, requests by openapi-fetch. The test of it
// checks its types as well. `api.d.ts` is made by the test; nothing of it is kept in the repository.
import createClient from 'openapi-fetch';
import type { components, paths } from './api.d.ts';

type Order = components['schemas']['Order'];
type Cart = components['schemas']['Cart'];
/** What a client of this shop may meet, whatever the operation. */
type Problem = components['schemas']['Problem'];

export interface Shopped {
  found: string[];
  cart: Cart;
  order: Order;
  orders: Order[];
  name: string;
  problems: { code: string; status: number; places: (string | undefined)[] }[];
}

/** @param fetch one that keeps cookies, as a browser does */
export async function goShopping(baseUrl: string, fetch: typeof globalThis.fetch): Promise<Shopped> {
  const client = createClient<paths>({ baseUrl, fetch });
  const problems: Shopped['problems'] = [];
  const note = (error: Problem | undefined) => {
    if (error === undefined) return;
    const places = error.faults?.map(({ pointer, parameter }) => pointer ?? parameter) ?? [];
    problems.push({ code: error.code, status: error.status, places });
  };
  const once = () => ({ 'Idempotency-Key': crypto.randomUUID() });

  const list = await client.GET('/api/products', {
    params: { query: { q: 'tee', limit: 10, sort: 'price-asc', size: ['S', 'M'], max: 100_000 } },
  });
  const products = list.data?.items ?? [];
  const [first] = products;
  const { data: product } = await client.GET('/api/products/{slug}', {
    params: { path: { slug: first?.slug ?? '' } },
  });
  const variant = product?.variants.find(({ available }) => available > 0);
  note((await client.GET('/api/products/{slug}', { params: { path: { slug: 'nothing-at-all' } } })).error);
  // @ts-expect-error An order that no list has is no order.
  note((await client.GET('/api/products', { params: { query: { sort: 'cheapest' } } })).error);

  const email = `client-${crypto.randomUUID()}@example.com`;
  const password = 'a-password-of-clients';
  const account = await client.POST('/api/accounts', {
    body: { email, password, name: 'Ada Byron' },
    params: { header: once() },
  });
  note((await client.POST('/api/accounts', { body: { email, password, name: 'Ada' } })).error);

  const variantId = variant?.id ?? '';
  const added = await client.POST('/api/cart/lines', {
    body: { variantId, quantity: 3 },
    params: { header: once() },
  });
  note((await client.POST('/api/cart/lines', { body: { variantId, quantity: 0 } })).error);
  // Prices never come from the client.
  note((await client.POST('/api/cart/lines', { body: { variantId, quantity: 1, price: 1 } as never })).error);
  // @ts-expect-error A number is no text.
  note((await client.POST('/api/cart/lines', { body: { variantId, quantity: '1' } })).error);
  const { data: cart } = await client.PUT('/api/cart/lines/{variantId}', {
    params: { path: { variantId }, header: once() },
    body: { quantity: 2 },
  });
  if (cart === undefined || added.data === undefined) throw new Error('The cart was not changed');

  const { data: options } = await client.GET('/api/checkout-options');
  const provider = options?.providers[0]?.id;
  if (provider !== 'demo' && provider !== 'on-delivery' && provider !== 'stripe')
    throw new Error(`No way to pay that this client knows: ${provider}`);
  const body: components['schemas']['OrderRequest'] = {
    email,
    shippingAddress: {
      name: 'Ada Byron',
      line1: '1 Long Lane',
      city: 'Dublin',
      postalCode: 'D01 F5P2',
      country: 'IE',
    },
    payment: { provider },
  };
  const { amount, currency } = cart.total;
  const dearer = { ...body, expectedTotal: { amount: amount + 1, currency } };
  note((await client.POST('/api/orders', { body: dearer, params: { header: once() } })).error);
  // @ts-expect-error An order needs an Idempotency-Key.
  note((await client.POST('/api/orders', { body })).error);
  const placed = await client.POST('/api/orders', {
    body: { ...body, expectedTotal: { amount, currency } },
    params: { header: once() },
  });
  if (placed.data === undefined) throw new Error(`No order: ${placed.error.code}`);
  const location = placed.response.headers.get('Location');
  if (!location?.endsWith(`/${placed.data.id}`)) throw new Error(`The order is at ${location}`);

  const order = await client.GET('/api/orders/{id}', { params: { path: { id: placed.data.id } } });
  const orders = await client.GET('/api/orders');
  const renamed = await client.PATCH('/api/account', { body: { name: 'Ada Lovelace' } });
  const left = await client.DELETE('/api/sessions/current');
  if (left.response.status !== 204) throw new Error('Nobody can sign out');
  note((await client.GET('/api/account')).error);
  if (order.data === undefined || account.data === undefined) throw new Error('Something is missing');
  return {
    found: products.map(({ name }) => name),
    cart,
    order: order.data,
    orders: orders.data?.items ?? [],
    name: renamed.data?.name ?? '',
    problems,
  };
}
