// Outgoing webhooks: signed, retried for days, independent of each other, and never sent to private addresses in
// production.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { beginDeliveries, webhookDelays } from '../../origin/integration/deliver-webhooks.ts';
import {
  faultOfUrl,
  isPrivateAddress,
  sendWebhook,
  signWebhook,
} from '../../origin/integration/send-webhook.ts';
import { numberShopEvents } from '../../origin/integration/shop-events.ts';
import { measureWebhooks } from '../../origin/integration/webhooks.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;

beforeAll(async () => {
  shop = await openShop({ worker: true, env: { RATE_LIMITS: 'off' } });
  staff = await shop.staff();
});
afterAll(() => shop[Symbol.asyncDispose]());
const opened: Receiver[] = [];
afterEach(async () => {
  await shop.deps.db.deleteFrom('webhook_endpoints').execute();
  for (const receiver of opened.splice(0)) receiver.close();
});

interface Received {
  id: string;
  timestamp: string;
  signature: string;
  body: string;
  event: Json;
}

interface Receiver {
  url: string;
  received: Received[];
  close(): void;
}

/** @param answer undefined: accepts each message */
async function receive(answer?: (message: Received, response: ServerResponse) => void): Promise<Receiver> {
  const received: Received[] = [];
  const server: Server = createServer(async (request: IncomingMessage, response) => {
    let body = '';
    for await (const part of request) body += part;
    const of = (name: string) => String(request.headers[name]);
    const message = {
      id: of('webhook-id'),
      timestamp: of('webhook-timestamp'),
      signature: of('webhook-signature'),
      body,
      event: JSON.parse(body),
    };
    received.push(message);
    if (answer === undefined) response.writeHead(204).end();
    else answer(message, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  opened.push(receiver);
  return receiver;
}

const make = async (url: string, types: string[] = []): Promise<Json> => {
  const { status, body } = await staff.post('/api/staff/webhooks', { url, types });
  expect(status).toBe(201);
  return body;
};
const setStock = async (stock: number, at = 0) => {
  const { status } = await staff.put(`/api/staff/variants/${shop.variants[at]!.id}/stock`, { stock });
  expect(status).toBe(200);
};
/** Delivers once, as the worker does each second. */
const deliver = async () => {
  await numberShopEvents(shop.deps.db);
  await shop.deps.db.transaction().execute(beginDeliveries);
  shop.deps.wakeWorker();
};
const until = (check: () => unknown) =>
  vi.waitFor(
    async () => {
      await deliver();
      await check();
    },
    { timeout: 30_000, interval: 50 },
  );
const deliveries = async (id: string): Promise<Json[]> =>
  (await staff.get(`/api/staff/webhooks/${id}/deliveries`)).body.items;
const listed = async (id: string): Promise<Json> =>
  (await staff.get('/api/staff/webhooks')).body.items.find((one: Json) => one.id === id);
/** Makes waiting deliveries due now. */
const makeDue = async () => {
  await sql`update webhook_deliveries set due_at = now() - interval '1 s' where state = 'pending'`.execute(
    shop.deps.db,
  );
  await sql`update webhook_endpoints set retry_at = null`.execute(shop.deps.db);
};

test('Events of the wanted types are delivered once each, signed with the secret that was shown once', async () => {
  const receiver = await receive();
  const { id, secret, ...rest } = await make(receiver.url, ['stock.changed']);
  expect(rest).toMatchObject({ url: receiver.url, types: ['stock.changed'], state: 'active', waiting: 0 });
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(JSON.stringify(await listed(id))).not.toContain(secret);
  for (const stock of [11, 12, 13]) await setStock(stock);
  await staff.patch('/api/staff/products/1', { name: 'Not of interest' });
  await until(() => expect(receiver.received).toHaveLength(3));
  await until(async () => expect((await listed(id)).waiting).toBe(0));
  const stocks = receiver.received.map(({ event }) => event.data.stock).sort();
  expect(stocks).toEqual([11, 12, 13]);
  const { items } = (await staff.get('/api/staff/events?limit=500')).body;
  for (const { id: messageId, timestamp, signature, body, event } of receiver.received) {
    const told = items.find((one: Json) => `evt_${one.id}` === messageId);
    expect(event).toEqual({
      id: told.id,
      type: told.type,
      timestamp: told.at,
      subject: told.subject,
      data: told.data,
    });
    expect(Math.abs(Date.now() / 1_000 - Number(timestamp))).toBeLessThan(60);
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const digest = createHmac('sha256', key).update(`${messageId}.${timestamp}.${body}`).digest('base64');
    expect(signature).toBe(`v1,${digest}`);
  }
});

test('The signature is that of the example in the specification', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const body = '{"test": 2432232314}';
  const signed = signWebhook(secret, { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1_614_265_330, body });
  expect(signed).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('A refused message is sent again with the same id, and a slow endpoint delays no other', async () => {
  const hung = await receive(() => undefined);
  const failures = new Map<string, number>();
  const flaky = await receive(({ id }, response) => {
    const failed = failures.get(id) ?? 0;
    failures.set(id, failed + 1);
    response.writeHead(failed < 2 ? 503 : 200).end('whatever');
  });
  const good = await receive();
  const slow = await make(hung.url);
  const again = await make(flaky.url, ['stock.changed']);
  await make(good.url, ['stock.changed']);
  await setStock(21);
  await until(() => expect([hung.received.length, flaky.received.length]).toEqual([1, 1]));
  await setStock(22);
  await until(() => expect(good.received).toHaveLength(2));
  expect((await deliveries(slow.id)).some(({ state }) => state === 'delivered')).toBe(false);
  await until(async () => {
    expect((await listed(again.id)).failingSince).toBeDefined();
  });
  const tried = (await deliveries(again.id)).filter(({ attempts }) => attempts > 0);
  expect(tried[0]).toMatchObject({ state: 'pending', status: 503, error: 'It answered 503' });
  await until(async () => {
    await makeDue();
    expect((await deliveries(again.id)).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
    expect((await listed(again.id)).failingSince).toBeUndefined();
  });
  expect([...failures.values()]).toEqual([3, 3]);
  expect(new Set(flaky.received.map(({ id }) => id)).size).toBe(2);
});

test('A delivery is given up after three days; an endpoint that fails for that long is paused, and later gets what it missed', async () => {
  expect(webhookDelays.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThanOrEqual(72 * 3_600);
  let isUp = false;
  const receiver = await receive((_, response) => void response.writeHead(isUp ? 200 : 500).end());
  const { id } = await make(receiver.url, ['stock.changed']);
  await setStock(31);
  await until(() => expect(receiver.received).toHaveLength(1));
  await until(async () => expect((await listed(id)).failingSince).toBeDefined());
  const { db } = shop.deps;
  await sql`update webhook_endpoints set failing_since = now() - interval '73 hours'`.execute(db);
  await sql`update webhook_deliveries set attempts = ${webhookDelays.length}`.execute(db);
  await makeDue();
  await until(async () => expect((await listed(id)).state).toBe('paused'));
  const [given] = await deliveries(id);
  expect(given).toMatchObject({ state: 'failed', attempts: webhookDelays.length + 1 });
  expect((await listed(id)).pausedBecause).toContain('three days');
  const page = await (await staff.request('/staff/integrations')).text();
  expect(page).toContain('three days');
  // The metric must not look healthy because a paused webhook is no longer asked.
  const failing = async () => (await measureWebhooks(db)).find((one) => one.id === id)!.failingSeconds;
  expect(await failing()).toBeGreaterThan(72 * 3_600);
  await setStock(32);
  await deliver();
  expect(receiver.received).toHaveLength(2);
  expect((await listed(id)).waiting).toBe(1);
  isUp = true;
  const resumed = await staff.patch(`/api/staff/webhooks/${id}`, { state: 'active' });
  expect(resumed.body.pausedBecause).toBeUndefined();
  expect(await failing()).toBe(0);
  await until(() => expect(receiver.received).toHaveLength(3));
  const replay = (body: Json) => staff.post(`/api/staff/webhooks/${id}/replays`, body);
  expect((await replay({})).body).toEqual({ count: 1 });
  await until(() => expect(receiver.received).toHaveLength(4));
  await until(async () => expect((await listed(id)).waiting).toBe(0));
  expect((await replay({ eventId: given.eventId })).body).toEqual({ count: 1 });
  await until(() => expect(receiver.received).toHaveLength(5));
  expect(receiver.received[4]!.id).toBe(receiver.received[0]!.id);
  expect((await replay({ eventId: '987654321' })).status).toBe(404);
});

test('An endpoint that answers 410 is paused at once', async () => {
  const receiver = await receive((_, response) => void response.writeHead(410).end());
  const { id } = await make(receiver.url, ['stock.changed']);
  await setStock(41);
  await until(async () => expect(await listed(id)).toMatchObject({ state: 'paused' }));
  await setStock(42);
  await deliver();
  expect(receiver.received).toHaveLength(1);
});

test('In production, events go only by https to addresses of the public internet', async () => {
  for (const url of [
    'http://erp.example/',
    'ftp://erp.example/',
    'https://localhost/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://10.1.2.3/',
    'https://192.168.1.1:8443/',
    'https://172.20.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.100.100.200/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://[::ffff:10.0.0.1]/',
    'https://[64:ff9b::a00:1]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
    'https://user:secret@erp.example/',
    'nonsense',
  ])
    expect([url, faultOfUrl(url, false)]).toEqual([url, expect.any(String)]);
  for (const url of ['https://erp.example/hooks', 'https://93.184.216.34/', 'https://[2606:2800:220:1::1]/'])
    expect([url, faultOfUrl(url, false)]).toEqual([url, undefined]);
  expect(['8.8.8.8', '2a00:1450::1'].map(isPrivateAddress)).toEqual([false, false]);
  expect(['2001:db8::1', '2002:a00:1::', '255.255.255.255', '::'].map(isPrivateAddress)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  // A host name with a private address is refused when it is resolved.
  const target = { url: 'https://localhost.localdomain/', secrets: ['whsec_eA=='], mayBePrivate: false };
  const answer = await sendWebhook(
    { ...target, url: 'https://ip6-localhost/' },
    { id: 'a', body: '{}' },
    AbortSignal.timeout(5_000),
  );
  expect(answer.error).toMatch(/public internet|ENOTFOUND|EAI_AGAIN/);
  const receiver = await receive();
  expect(
    (await sendWebhook({ ...target, url: receiver.url }, { id: 'a', body: '{}' }, AbortSignal.timeout(5_000)))
      .error,
  ).toBeDefined();
  expect(receiver.received).toEqual([]);
});

test('A webhook that cannot be made is refused, and there are at most twenty', async () => {
  for (const body of [
    { url: 'http://erp.example/' },
    { url: 'nonsense' },
    { url: '' },
    {},
    { url: 'https://erp.example/', types: ['order.exploded'] },
    { url: 'https://erp.example/', more: 1 },
  ])
    expect([body, (await staff.post('/api/staff/webhooks', body)).body.code]).toEqual([body, 'invalid-body']);
  for (let n = 0; n < 20; n += 1) await make(`https://erp.example/${n}`);
  expect((await staff.post('/api/staff/webhooks', { url: 'https://erp.example/' })).status).toBe(422);
});

test('The page shows a key and a secret once, and does what the API does, without JavaScript', async () => {
  const post = async (path: string, values: Record<string, string>) => {
    const response = await staff.request(path, {
      method: 'POST',
      headers: { Origin: 'http://localhost' },
      body: new URLSearchParams(values),
    });
    return { status: response.status, text: await response.text() };
  };
  const home = '/staff/integrations';
  const made = await post(home, {
    deed: 'create-key',
    name: 'Scanner',
    'scopes-stock:write': 'yes',
    'idempotency-key': 'once',
  });
  const [key] = /mck_[\w-]{43}/.exec(made.text)!;
  expect((await shop.browser().get('/api/staff/orders', { Authorization: `Bearer ${key}` })).status).toBe(
    403,
  );
  const page = await (await staff.request(home)).text();
  expect(page).toContain('Scanner');
  expect(page).not.toContain(key);
  const nothing = await post(home, { deed: 'create-key', name: 'Nothing' });
  expect([nothing.status, nothing.text.includes('Choose at least one.')]).toEqual([422, true]);
  const { items } = (await staff.get('/api/staff/api-keys')).body;
  const { id } = items.find(({ name }: Json) => name === 'Scanner');
  expect((await post(home, { deed: 'revoke-key', id })).status).toBe(303);
  expect((await shop.browser().get('/api/staff/orders', { Authorization: `Bearer ${key}` })).status).toBe(
    401,
  );
  const refused = await post(home, { deed: 'create-webhook', url: 'http://erp.example/' });
  expect([refused.status, refused.text.includes('Must be a URL that begins with https://')]).toEqual([
    422,
    true,
  ]);
  const hook = await post(home, {
    deed: 'create-webhook',
    url: 'https://erp.example/hooks',
    'types-order.paid': 'yes',
  });
  expect(hook.text).toMatch(/whsec_[A-Za-z0-9+/]{43}=/);
  const [webhook] = (await staff.get('/api/staff/webhooks')).body.items;
  expect(webhook.types).toEqual(['order.paid']);
  const one = `${home}/webhooks/${webhook.id}`;
  for (const [deed, text] of [
    ['pause', 'Paused. By the staff'],
    ['resume', 'Active'],
  ] as const) {
    expect((await post(one, { deed })).status).toBe(303);
    expect(await (await staff.request(one)).text()).toContain(text);
  }
  expect((await post(one, { deed: 'replay', event: '987654321' })).status).toBe(404);
  expect((await post(one, { deed: 'delete' })).status).toBe(303);
  expect((await staff.request(one)).status).toBe(404);
});

test('A new secret and the former one both sign for a time, so that no message is lost while a receiver changes', async () => {
  const receiver = await receive();
  const { id, secret: former } = await make(receiver.url, ['stock.changed']);
  const rotate = (key: string, body: object) =>
    staff.post(`/api/staff/webhooks/${id}/secret`, body, { 'Idempotency-Key': key });
  const { status, body } = await rotate('rotation-1', {});
  expect([status, (await rotate('rotation-1', {})).body.secret]).toEqual([201, body.secret]);
  expect(body.secret).not.toBe(former);
  expect(Date.parse(body.formerSecretUntil) - Date.now()).toBeGreaterThan(23 * 3_600_000);
  const signers = async (): Promise<string[]> => {
    const before = receiver.received.length;
    const test = await staff.post(`/api/staff/webhooks/${id}/test`);
    expect(test.body).toEqual({ delivered: true, status: 204 });
    const { id: messageId, timestamp, signature, body: text, event } = receiver.received[before]!;
    expect(event.type).toBe('webhook.test');
    const names = { former, present: body.secret, newest };
    return signature.split(' ').map((one) => {
      const found = Object.entries(names).find(
        ([, secret]) =>
          secret !== '' &&
          one ===
            `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
              .update(`${messageId}.${timestamp}.${text}`)
              .digest('base64')}`,
      );
      return found?.[0] ?? 'nobody';
    });
  };
  let newest = '';
  expect(await signers()).toEqual(['present', 'former']);
  await setStock(21);
  await until(() => expect(receiver.received.some(({ event }) => event.type === 'stock.changed')).toBe(true));
  expect(receiver.received.at(-1)!.signature.split(' ')).toHaveLength(2);
  // A secret that leaked can be replaced without an overlap.
  newest = (await rotate('rotation-2', { overlapHours: 0 })).body.secret;
  expect(await signers()).toEqual(['newest']);
  expect((await listed(id)).formerSecretUntil).toBeUndefined();
  expect(JSON.stringify(await listed(id))).not.toContain('whsec_');
});

test('A test message says what was answered, and owners send one and change the secret by the page', async () => {
  const receiver = await receive((_, response) => response.writeHead(500).end());
  const { id, secret } = await make(receiver.url);
  await staff.patch(`/api/staff/webhooks/${id}`, { state: 'paused' });
  const failed = await staff.post(`/api/staff/webhooks/${id}/test`);
  expect(failed.body).toEqual({ delivered: false, status: 500, error: 'It answered 500' });
  const press = async (deed: string) => {
    const answer = await staff.request(`/staff/integrations/webhooks/${id}`, {
      method: 'POST',
      headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ deed }).toString(),
    });
    return answer.text();
  };
  expect(await press('test')).toContain('The test failed. It answered 500.');
  const made = /whsec_[A-Za-z0-9+/]{43}=/.exec(await press('rotate'))?.[0];
  expect(made).toBeTruthy();
  expect(made).not.toBe(secret);
  const page = await (await staff.request(`/staff/integrations/webhooks/${id}`)).text();
  expect([page.includes('The former secret signs as well until'), page.includes('whsec_')]).toEqual([
    true,
    false,
  ]);
  expect(receiver.received).toHaveLength(2);
});
