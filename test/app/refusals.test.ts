// Each refusal that the OpenAPI document describes occurs, with the documented code.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareResetMail } from '../../origin/account/reset-password.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let document: Json;
const password = 'a-password-of-tests';

beforeAll(async () => {
  shop = await openShop({ env: { PAYMENT_PROVIDERS: 'demo,on-delivery' } });
  document = (await shop.browser().get('/api/openapi.json')).body;
});
afterAll(() => shop[Symbol.asyncDispose]());

interface Operation {
  name: string;
  method: string;
  path: string;
  url: string;
  example: Json;
  takesKey: boolean;
  codes: string[];
}

const operations = (): Operation[] =>
  Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => ({
      name: operation.operationId,
      method: method.toUpperCase(),
      path,
      url: path.replaceAll(/\{\w+\}/g, '1'),
      example: operation.requestBody?.content['application/json'].example,
      takesKey: operation.parameters?.some((one: Json) => one.name === 'Idempotency-Key') ?? false,
      codes: Object.entries<Json>(operation.responses).flatMap(([status, { content }]) =>
        status === 'default' || content?.['application/problem+json'] === undefined
          ? []
          : Object.keys(content['application/problem+json'].examples),
      ),
    })),
  );

/** Refusals that this test cannot cause, and the reason. */
const elsewhere: Record<string, string[]> = {
  // Other tests cover unreachable stores and an overloaded shop.
  unavailable: [],
  busy: [],
  // Other tests cover the largest amounts and carts.
  'total-too-large': [],
  'total-too-small': [],
  'cart-over-limit': [],
  'cart-limit': [],
  'line-limit': [],
  // Needs a provider's signature; the tests of Stripe cover it.
  'wrong-signature': [],
  // An unreadable request is refused before it has a route; its own tests cover it.
  'bad-request': [
    'getAddress',
    'getAnyOrder',
    'getApiKey',
    'getMember',
    'getPromotion',
    'getSale',
    'getWebhook',
    'getCustomer',
    'getHolidays',
    'getShippingTable',
    'listApiKeys',
    'listMembers',
    'listWebhooks',
    'listPromotions',
    'listSales',
    'exportAccount',
    'getAccount',
    'getCart',
    'getCheckoutOptions',
    'getCurrentSession',
    'getInvalidation',
    'getOrder',
    'getProduct',
    'getSecondFactor',
    'listCategories',
    'listAddresses',
    'listOrders',
    'listSessions',
    'testWebhook',
  ],
  // Only if the account or session is deleted at that very moment.
  'not-found': ['getCurrentSession', 'signIn', 'signUp'],
  // Needs codes of an authenticator app; the tests of the second factor cover them.
  'second-factor-needed': [],
  'second-factor-missing': [],
  // Only ten minutes after the sign-in.
  'password-needed': [],
  // Needs mailed tokens and the account's own password; the tests of changed e-mail addresses cover them.
  'email-taken': ['confirmEmailChange', 'undoEmailChange'],
  'idempotency-key-reused': ['requestEmailChange', 'undoEmailChange', 'verifySession'],
  'second-factor-set-up': [],
  'wrong-code': [],
  'too-many-attempts': [
    'requestEmailChange',
    'beginSecondFactor',
    'confirmSecondFactor',
    'removeSecondFactor',
    'verifySession',
  ],
  // Every role may call these.
  'not-your-role': [
    'findVariants',
    'getHolidays',
    'getInvalidation',
    'getPromotion',
    'getSale',
    'getShippingTable',
    'listPromotions',
    'listSales',
  ],
};

test('every refusal that an operation tells of is met', async () => {
  const met = new Set<string>();
  const send = async (
    { name, method, url }: Operation,
    browser: Browser,
    change: { headers?: Record<string, string>; body?: unknown; text?: string; url?: string } = {},
  ) => {
    const body = change.text ?? (change.body === undefined ? undefined : JSON.stringify(change.body));
    const answer = await browser.request(change.url ?? url, {
      method,
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID(), ...change.headers },
      ...(body === undefined || method === 'GET' ? {} : { body }),
    });
    if (answer.status < 400) return;
    met.add(`${name} ${((await answer.json()) as { code: string }).code}`);
  };
  const all = operations();
  const named = (name: string) => all.find((operation) => operation.name === name)!;
  const staff = await shop.staff();
  const [viewer, editor] = [await openMember('viewer'), await openMember('editor')];
  const person = shop.browser();
  await person.signUp('refused@example.com');
  const signedIn = { Cookie: person.cookieHeader };
  const key = { 'Idempotency-Key': randomUUID() };
  const { body: session } = await person.get('/api/sessions/current');
  const former = shop.browser();
  await former.signUp('former@example.com');
  const ended = { Cookie: former.cookieHeader };
  await former.delete('/api/sessions/current');

  /** Orders of a guest: one shipped, one to be paid at the door, one cancelled, and one whose payment is unknown. */
  const afterPurchase = async (guest: Browser) => {
    const ask = (name: string, browser: Browser, id: string, body: unknown = {}, reused = false) => {
      const url = named(name).path.replace('{id}', id);
      return send(named(name), browser, { url, body, ...(reused ? { headers: key } : {}) });
    };
    const variantId = shop.variants[1]!.id;
    const buy = async (provider: string, outcome?: string, pieces = 1): Promise<string> =>
      (await guest.buy(variantId, pieces, { payment: { provider, outcome } })).id;
    const shipped = await buy('demo', 'paid', 4);
    const atDoor = await buy('on-delivery');
    const cancelled = await buy('on-delivery');
    const unclear = await buy('demo', 'unknown');
    await guest.post(`/api/orders/${cancelled}/cancellation`, { reason: 'Once' }, key);
    await ask('cancelOrder', guest, cancelled, { reason: 'Again' }, true);
    const parcel = { carrier: 'DHL' };
    const pieces = (quantity: number) => [{ variantId, quantity }];
    await staff.post(`/api/staff/orders/${shipped}/shipments`, parcel);
    for (const id of [shipped, cancelled, unclear, '987654321']) await ask('shipOrder', staff, id, parcel);
    await ask('shipOrder', staff, atDoor, { ...parcel, lines: pieces(50) });
    await ask('cancelOrder', guest, shipped);
    for (const id of [shipped, '987654321']) await ask('cancelAnyOrder', staff, id, { reason: 'Why' });
    const refund = { amount: 1, reason: 'Why' };
    await ask('refundOrder', staff, '987654321', refund);
    await ask('refundOrder', staff, shipped, { ...refund, amount: 99_999_999 });
    await ask('refundOrder', staff, shipped, { ...refund, restock: pieces(50) });
    for (const id of [shipped, cancelled, '987654321'])
      await ask('takeMoneyAtTheDoor', staff, id, { amount: 1 });
    await ask('takeMoneyAtTheDoor', staff, atDoor, { amount: 99_999_999 });
    const { total } = (await guest.get(`/api/orders/${atDoor}`)).body;
    await staff.post(`/api/staff/orders/${atDoor}/payments`, { amount: total });
    await ask('takeMoneyAtTheDoor', staff, atDoor, { amount: 1 });
    await ask('requestReturn', guest, atDoor, { lines: pieces(1) });
    await ask('requestReturn', guest, shipped, { lines: pieces(50) });
    const announce = async (headers = {}): Promise<string> =>
      (await guest.post(`/api/orders/${shipped}/returns`, { lines: pieces(1) }, headers)).body.id;
    const [received, refused] = [await announce(key), await announce()];
    await ask('requestReturn', guest, shipped, { lines: pieces(1), reason: 'Another' }, true);
    await ask('receiveReturn', staff, received, { lines: [{ variantId, quantity: 9, restock: true }] });
    const receipt = { lines: [{ variantId, quantity: 1, restock: true }] };
    await ask('receiveReturn', staff, received, receipt, true);
    await ask('refuseReturn', staff, refused, { reason: 'Worn' }, true);
    await staff.post(`/api/staff/returns/${received}/receipt`, receipt);
    await ask('receiveReturn', staff, received, receipt);
    await ask('refuseReturn', staff, received, { reason: 'Worn' });
    const [shipment] = (await staff.get(`/api/staff/orders/${shipped}`)).body.shipments;
    const markDelivered = named('markDelivered').path.replace('{shipment}', shipment.id);
    const deliveredAt = new Date(Date.now() - 60 * 86_400_000).toISOString();
    for (const [id, headers] of [
      [shipped, key],
      ['987654321', {}],
    ] as const)
      await send(named('markDelivered'), staff, {
        url: markDelivered.replace('{id}', id),
        body: { deliveredAt },
        headers,
      });
    await staff.patch(markDelivered.replace('{id}', shipped), { deliveredAt });
    await ask('requestReturn', guest, shipped, { lines: pieces(1) });
    await send(named('listAllOrders'), staff, { url: '/api/staff/orders?cursor=nonsense' });
    await send(named('listCustomers'), staff, { url: '/api/staff/customers?cursor=nonsense' });
    await send(named('getCustomer'), staff, { url: '/api/staff/customers/nobody' });
  };

  const keys = await Promise.all(
    ['selling:read', 'events:read'].map(async (scope) => {
      const { body } = await staff.post('/api/staff/api-keys', { name: 'A program', scopes: [scope] });
      return { Authorization: `Bearer ${body.key}` };
    }),
  );
  for (const operation of all) {
    const { method, url, example, codes } = operation;
    const isStaff = codes.includes('staff-only');
    const asked = isStaff ? staff : shop.browser();
    const cookies: Record<string, string> = !isStaff && codes.includes('sign-in-needed') ? signedIn : {};
    const with_ = (headers: Record<string, string>, rest = {}) =>
      send(operation, asked, { headers: { ...cookies, ...headers }, ...rest });
    await send(operation, shop.browser(), { headers: ended, body: example });
    if (codes.includes('sign-in-needed')) await send(operation, shop.browser(), { body: example });
    if (isStaff) await send(operation, shop.browser(), { headers: signedIn, body: example });
    if (isStaff)
      for (const headers of [...keys, { Authorization: 'Bearer unknown' }])
        await send(operation, shop.browser(), { headers, body: example });
    if (isStaff) await send(operation, method === 'GET' ? editor : viewer, { body: example });
    if (method === 'GET') {
      await send(operation, asked, { url: `${url}?limit=0` });
      continue;
    }
    await with_({ Origin: 'https://evil.example' }, { body: example });
    await with_({ 'Content-Encoding': 'gzip' }, { text: 'x' });
    await with_({}, { text: 'x'.repeat(operation.name === 'changeStockInBulk' ? 600_000 : 70_000) });
    await with_({ 'Idempotency-Key': 'a b', 'Stripe-Signature': 'x'.repeat(3_000) }, { text: '{' });
    if (!codes.includes('invalid-body')) continue;
    await with_({ 'Content-Type': 'text/plain' }, { text: 'x' });
    await with_({}, { body: { nothing: 'that is known' } });
  }

  // Each operation gets the same key, so only the first that takes keys succeeds.
  const greedy = shop.browser();
  await greedy.signUp('greedy@example.com');
  await greedy.add(shop.variants[0]!.id, 1, key['Idempotency-Key']);
  await greedy.patch('/api/account', { name: 'Once' }, key);
  // A guest's key belongs to the cart.
  const brief = shop.browser();
  await brief.add(shop.variants[0]!.id);
  const headers = { Cookie: brief.cookieHeader, ...key };
  await brief.post('/api/sessions', { email: 'refused@example.com', password }, key);
  const another = { email: 'former@example.com', password };
  await send(named('signIn'), shop.browser(), { headers, body: another });
  await send(named('signUp'), shop.browser(), { headers, body: named('signUp').example });
  const token = await resetToken('greedy@example.com');
  const order = { ...named('placeOrder').example, payment: { provider: 'demo' }, expectedTotal: undefined };
  const bodies: Record<string, unknown> = {
    addToCart: { variantId: shop.variants[1]!.id, quantity: 1 },
    changePassword: { currentPassword: password, newPassword: 'another-password' },
    signIn: { email: 'greedy@example.com', password },
    placeOrder: order,
  };
  for (const operation of all.filter(({ takesKey, codes }) => takesKey && !codes.includes('staff-only'))) {
    const body = bodies[operation.name] ?? operation.example;
    const url = operation.name === 'resetPassword' ? `/api/password-resets/${token}` : operation.url;
    await send(operation, greedy, { headers: { Cookie: greedy.cookieHeader, ...key }, body, url });
  }
  await staff.patch('/api/staff/products/1', { name: 'Once' }, key);
  for (const operation of all.filter(({ takesKey, codes }) => takesKey && codes.includes('staff-only')))
    await send(operation, staff, { headers: key, body: operation.example });

  // Refusals that need a request of their own.
  const guest = shop.browser();
  const nothing = '987654321';
  await send(named('listProducts'), guest, { url: '/api/products?cursor=nonsense' });
  await send(named('getProduct'), guest, { url: '/api/products/nothing-there' });
  await send(named('addToCart'), guest, { body: { variantId: nothing, quantity: 1 } });
  await send(named('addToCart'), guest, { body: { variantId: shop.variants[3]!.id, quantity: 1 } });
  await send(named('setCartLine'), guest, { url: `/api/cart/lines/${nothing}`, body: { quantity: 1 } });
  await send(named('removeCartLine'), guest, { url: '/api/cart/lines/nothing' });
  await send(named('signUp'), guest, { body: { email: 'refused@example.com', password, name: 'Again' } });
  await send(named('signIn'), guest, { body: { email: 'refused@example.com', password: 'wrong' } });
  await send(named('endSession'), guest, { url: `/api/sessions/${session.id}` });
  await send(named('changePassword'), guest, {
    headers: signedIn,
    body: { currentPassword: 'wrong', newPassword: password },
  });
  await send(named('beginSecondFactor'), guest, { headers: signedIn, body: { password: 'wrong' } });
  await send(named('resetPassword'), guest, { url: '/api/password-resets/unknown', body: { password } });
  await send(named('placeOrder'), guest, { body: order });
  await send(named('placeOrder'), guest, { body: order, headers: { 'Idempotency-Key': '' } });
  await guest.add(shop.variants[0]!.id, 30);
  await send(named('placeOrder'), guest, { body: order });
  await guest.put(`/api/cart/lines/${shop.variants[0]!.id}`, { quantity: 1 });
  await send(named('placeOrder'), guest, { body: { ...order, payment: { provider: 'stripe' } } });
  await send(named('placeOrder'), guest, {
    body: { ...order, expectedTotal: { amount: 1, currency: 'EUR' } },
  });
  await send(named('placeOrder'), guest, { body: { ...order, shippingMethod: 'by-balloon' } });
  await send(named('placeOrder'), guest, { body: { ...order, promotionCode: 'unknown' } });
  await send(named('previewPromotion'), guest, { body: { code: 'unknown' } });
  await send(named('previewPromotion'), guest, { body: { code: 'unknown', country: 'US' } });
  await send(named('previewPromotion'), shop.browser(), { body: { code: 'unknown' } });
  const { example: promotion } = named('createPromotion');
  for (const code of ['TAKEN', promotion.code, promotion.code])
    await send(named('createPromotion'), staff, { body: { ...promotion, code } });
  const taken = { url: '/api/staff/promotions/1', body: { code: 'TAKEN' } };
  const [first] = (await staff.get('/api/staff/promotions')).body.items;
  await send(named('changePromotion'), staff, { ...taken, url: `/api/staff/promotions/${first.id}` });
  const sales = `/api/staff/products/${(await staff.get(`/api/products/${shop.slug}`)).body.id}/sales`;
  const sale = { price: { amount: 1, currency: 'EUR' }, startsAt: '2099-01-01T00:00:00Z' };
  for (const url of [sales, sales]) await send(named('planSale'), staff, { url, body: sale });
  const early = { price: sale.price, startsAt: '2098-01-01T00:00:00Z', endsAt: '2098-02-01T00:00:00Z' };
  await staff.post(sales, early);
  const { items: planned } = (await staff.get(sales)).body;
  await send(named('changeSale'), staff, { url: `${sales}/${planned[1].id}`, body: { endsAt: null } });
  const saleId = planned[0].id;
  for (const url of [`${sales}/${saleId}`, `${sales}/${saleId}`, `${sales}/${nothing}`])
    await send(named('stopSale'), staff, { url });
  for (const url of [`${sales}/${saleId}`, `${sales}/${nothing}`])
    await send(named('changeSale'), staff, { url, body: { endsAt: null } });
  for (const name of ['listSales', 'planSale'])
    await send(named(name), staff, { url: `/api/staff/products/${nothing}/sales`, body: sale });
  await send(named('listShopEvents'), staff, { url: `/api/staff/events?after=${nothing}` });
  for (const name of [
    'changePromotion',
    'deletePromotion',
    'getApiKey',
    'revokeApiKey',
    'changeWebhook',
    'deleteWebhook',
    'listWebhookDeliveries',
    'replayWebhook',
    'rotateWebhookSecret',
    'testWebhook',
  ])
    await send(named(name), staff, { url: named(name).path.replace('{id}', nothing), body: {} });
  for (const name of ['changeAddress', 'getAddress', 'removeAddress']) {
    const { path, example } = named(name);
    await send(named(name), guest, {
      headers: signedIn,
      url: path.replace('{id}', nothing),
      body: example,
    });
  }
  await send(named('listShippingMethods'), guest, { url: '/api/shipping-methods?country=D' });
  await guest.add(shop.variants[1]!.id);
  const { body: unpaid } = await guest.order({ payment: { provider: 'on-delivery' } });
  await send(named('getInvoice'), guest, { url: `/api/orders/${unpaid.id}/invoice` });
  await send(named('getInvoice'), guest, { url: `/api/orders/${nothing}/invoice` });
  await send(named('getInvoice'), guest, { url: `/api/orders/1/invoice?key=${'x'.repeat(300)}` });
  const paid = await guest.buy(shop.variants[1]!.id);
  for (const [name, end] of [
    ['getInvoiceXml', 'invoice.xml'],
    ['getCreditNote', `refunds/${nothing}/credit-note`],
    ['getCreditNoteXml', `refunds/${nothing}/credit-note.xml`],
  ]) {
    const url = `/api/orders/${paid.id}/${end}`;
    await send(named(name!), guest, { url });
    await send(named(name!), guest, { url: `${url}?key=${'x'.repeat(300)}` });
    await send(named(name!), guest, { url: url.replace(paid.id, nothing) });
  }
  await send(named('getInvoiceXml'), guest, { url: `/api/orders/${unpaid.id}/invoice.xml` });
  await guest.post(`/api/orders/${paid.id}/cancellation`, {});
  const [refund] = (await guest.get(`/api/orders/${paid.id}`)).body.refunds;
  await send(named('getCreditNoteXml'), guest, {
    url: `/api/orders/${paid.id}/refunds/${refund.id}/credit-note.xml`,
  });
  await send(named('getOrder'), guest, { url: `/api/orders/${nothing}` });
  await send(named('receiveStripeEvent'), guest, { body: {} });
  await afterPurchase(guest);
  for (const name of ['changeProduct', 'setStock', 'getInvalidation']) {
    const operation = named(name);
    await send(operation, staff, { url: operation.path.replace('{id}', nothing), body: operation.example });
    await send(operation, staff, { headers: { 'If-Match': '"another"' }, body: operation.example });
  }
  const { body: owner } = await staff.get('/api/account');
  const ownMember = { url: `/api/staff/members/${owner.id}`, body: { role: 'viewer' } };
  for (const name of ['changeMember', 'removeMember']) {
    await send(named(name), staff, ownMember);
    await send(named(name), staff, { ...ownMember, url: `/api/staff/members/${nothing}` });
  }
  await send(named('getMember'), staff, { url: `/api/staff/members/${nothing}` });
  await send(named('endMemberSessions'), staff, { url: `/api/staff/members/${nothing}/sessions` });
  for (const email of [owner.email, 'unknown@example.com'])
    await send(named('addMember'), staff, { body: { email, role: 'viewer' } });
  await send(named('deleteAccount'), staff);
  for (let attempt = 0; attempt < 11; attempt++)
    await send(named('changePassword'), guest, {
      headers: signedIn,
      body: { currentPassword: `wrong-${attempt}`, newPassword: password },
    });
  for (let attempt = 0; attempt < 11; attempt++)
    await send(named('signIn'), guest, { body: { email: 'locked@example.com', password: 'wrong' } });
  for (let attempt = 0; attempt < 101; attempt++)
    await send(named('signUp'), guest, { body: { email: 'refused@example.com', password, name: 'Again' } });

  const told = all.flatMap(({ name, codes }) => codes.map((code) => `${name} ${code}`));
  const hidden = (line: string) => {
    const [name = '', code = ''] = line.split(' ');
    const among = elsewhere[code];
    return among !== undefined && (among.length === 0 || among.includes(name));
  };
  expect(told.filter((line) => !met.has(line) && !hidden(line)).sort()).toEqual([]);
  expect([...met].filter((line) => !told.includes(line)).sort()).toEqual([]);
}, 120_000);

async function openMember(role: 'viewer' | 'editor'): Promise<Browser> {
  const [browser, email] = [shop.browser(), `${role}@example.com`];
  await browser.signUp(email);
  await shop.deps.db
    .updateTable('accounts')
    .set({ role: 'staff', staff_role: role })
    .where('email', '=', email)
    .execute();
  await browser.post('/api/sessions', { email, password });
  return browser;
}

async function resetToken(email: string): Promise<string> {
  const mail = await prepareResetMail(shop.deps, email, 'a-job');
  return /token=([\w-]+)/.exec(JSON.stringify(mail))![1]!;
}
