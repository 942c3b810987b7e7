// A person with a rich history is exported as a whole, and erased from every table, every Redis key and every file.
import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { privacyCommand } from '../../ops-scripts/privacy/command.ts';
import { pruneGuestCarts } from '../../origin/cart/server/forget-carts.ts';
import { createLog } from '../../origin/log.ts';
import { exportedColumns } from '../../origin/privacy/export-person.ts';
import { impersonalTables, register } from '../../origin/privacy/register.ts';
import { pruneMailFiles, pruneRecords } from '../../origin/privacy/retention.ts';
import { anOrder, type Browser, openShop, type Shop } from '../support/shop.ts';

const person = {
  email: 'Ottilie.Wagnerova@example.org',
  name: 'Ottilie Wagnerová',
  line1: '17 Zimmermann (rear) Street',
  line2: 'c/o K+L *Brothers*',
  billing: '99 Ledger Row',
  company: 'Wagnerova Hats Ltd',
};
const words = [
  ...Object.values(person),
  'TRACK-7781-OW',
  'itches behind the left ear',
  'the blue one, as agreed',
];
const password = 'a-password-of-tests';
const lowestLevel = { logLevel: 'trace', zone: 'a', instance: 'test' };
const patience = { timeout: 20_000, interval: 50 };

let shop: Shop;
const logged: string[] = [];
beforeAll(async () => {
  const stream = { write: (line: string) => void logged.push(line) };
  shop = await openShop({ worker: true, log: createLog(lowestLevel, 'test', stream) });
});
afterAll(() => shop[Symbol.asyncDispose]());

function orderOf(change: object = {}) {
  const { email, name, line1, line2 } = person;
  const billingAddress = {
    ...anOrder.shippingAddress,
    name,
    line1: person.billing,
    company: person.company,
  };
  return {
    email,
    shippingAddress: { ...anOrder.shippingAddress, name, line1, line2 },
    billingAddress,
    ...change,
  };
}

/** Confirms an address by the mailed link, which only the mailbox's owner has. */
async function confirmEmail(email: string): Promise<void> {
  await shop.browser().post('/api/password-resets', { email });
  const token = await vi.waitFor(async () => {
    const found = (await readMails())
      .map((text) => /reset-password#token=([\w-]+)/.exec(text)?.[1])
      .find(Boolean);
    expect(found).toBeDefined();
    return found;
  }, patience);
  expect((await shop.browser().put(`/api/password-resets/${token}`, { password })).status).toBe(204);
}

async function readMails(): Promise<string[]> {
  const folder = join(shop.dataDir, 'mail');
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
}

/** Writes about an order by staff, and errors of a mail server. */
async function liveThrough(orderId: string, staff: Browser): Promise<void> {
  const order = `/api/staff/orders/${orderId}`;
  const shipped = await staff.post(`${order}/shipments`, { carrier: 'DHL', trackingNumber: 'TRACK-7781-OW' });
  expect(shipped.status).toBe(201);
  const shipment = shipped.body.shipments[0].id;
  await staff.patch(`${order}/shipments/${shipment}`, { deliveredAt: new Date().toISOString() });
  const reason = `${person.name} telephoned from ${person.line1}`;
  const refund = { amount: { amount: 100, currency: 'EUR' }, reason };
  expect((await staff.post(`${order}/refunds`, refund)).status).toBe(201);
  await sql`
    with mail as (
      insert into outbox (kind, payload, state, failure, attempt)
      values ('mail', ${JSON.stringify({ to: person.email, template: 'order-shipped', data: { orderId } })}, 'dead',
        ${`550 <${person.email}> unknown`}, 1) returning id)
    insert into job_attempts (job_id, attempt, worker, started_at, ended_at, outcome, error)
    select id, 1, 'w', now(), now(), 'dead', ${`550 <${person.email}> unknown`} from mail`.execute(
    shop.deps.db,
  );
  await sql`update payments set detail = ${`No such customer: ${person.email}`} where order_id = ${orderId}`.execute(
    shop.deps.db,
  );
  await sql`
    insert into operator_log (who, action, target) values ('op', 'retry', ${`--error ${person.email}`})`.execute(
    shop.deps.db,
  );
}

/** Finds rows, keys and files with any of these words, as `table: row`, `redis: key` or `file: name`. */
async function findTraces(of: string[]): Promise<string[]> {
  const isTrace = (text: string) => of.some((word) => text.toLowerCase().includes(word.toLowerCase()));
  const found: string[] = [];
  const tables = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'public'`.execute(shop.deps.db);
  for (const { name } of tables.rows) {
    const { rows } = await sql<{ text: string }>`
      select to_jsonb(t)::text as text from ${sql.table(name)} as t`.execute(shop.deps.db);
    for (const { text } of rows) {
      // Parsing shows letters beyond ASCII and quotes unescaped.
      if (isTrace(JSON.stringify(JSON.parse(text)))) found.push(`${name}: ${text.slice(0, 300)}`);
    }
  }
  for (const key of await shop.deps.redis.keys('*'))
    if (isTrace(key) || isTrace(await readKey(key))) found.push(`redis: ${key}`);
  for (const file of await readdir(shop.dataDir, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const text = await readFile(join(file.parentPath, file.name), 'utf8');
    if (isTrace(file.name) || isTrace(text)) found.push(`file: ${file.name}`);
  }
  return found;
}

async function readKey(key: string): Promise<string> {
  const { redis } = shop.deps;
  switch (await redis.type(key)) {
    case 'string':
      return String(await redis.getBuffer(key));
    case 'hash':
      return JSON.stringify(await redis.hgetall(key));
    case 'set':
      return (await redis.smembers(key)).join('\n');
    case 'zset':
      return (await redis.zrange(key, '0', '-1')).join('\n');
    case 'list':
      return (await redis.lrange(key, 0, -1)).join('\n');
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    default:
      return '';
  }
}

test('Every column of the database is in the register of personal data, or declared to tell nothing of a person', async () => {
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = 'public'`.execute(shop.deps.db);
  const known = new Set(
    Object.entries(register).flatMap(([table, { personal, other }]) =>
      [...Object.keys(personal), ...other.split(' ').filter(Boolean)].map((column) => `${table}.${column}`),
    ),
  );
  const present = rows.map(({ table, column }) => `${table}.${column}`);
  const declared = rows.filter(({ table }) => impersonalTables.includes(table));
  const isDeclared = new Set(declared.map(({ table, column }) => `${table}.${column}`));
  expect(present.filter((name) => !known.has(name) && !isDeclared.has(name))).toEqual([]);
  expect([...known].filter((name) => !present.includes(name))).toEqual([]);
  // A technical table that begins to name people must get its own entry.
  const naming = /email|phone|person|account|^customer|address|^who$|_by$/;
  expect(declared.filter(({ column }) => naming.test(column))).toEqual([]);
});

test('Erasure changes only columns that the register calls personal, and says why others remain', () => {
  for (const [name, { personal, erase, remains, find }] of Object.entries(register)) {
    if (erase === 'rows') continue;
    expect(Object.keys(personal), name).toEqual(expect.arrayContaining(Object.keys(erase)));
    const left = Object.keys(personal).filter((column) => !(column in erase));
    if (find.length > 0 && left.length > 0) expect(remains, name).toBeDefined();
  }
});

test('A person with a rich history is exported whole, then found nowhere but on invoices', async () => {
  const staff = await shop.staff();
  const browser = shop.browser();
  await browser.post('/api/accounts', { email: person.email, password, name: person.name });
  const first = await browser.buy(shop.variants[0]!.id, 2, orderOf());
  const guest = shop.browser();
  const second = await guest.buy(shop.variants[1]!.id, 1, orderOf());
  await liveThrough(first.id, staff);
  const lines = [{ variantId: shop.variants[0]!.id, quantity: 1 }];
  const returned = await browser.post(`/api/orders/${first.id}/returns`, {
    lines,
    reason: 'itches behind the left ear',
  });
  expect(returned.status).toBe(201);
  await shop.browser().request('/withdrawal', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      do: 'confirm',
      name: person.name,
      email: person.email,
      order: second.number,
      pieces: 'the blue one, as agreed',
    }).toString(),
  });
  await browser.post('/api/account/second-factor', { password });
  await confirmEmail(person.email);
  await browser.post('/api/sessions', { email: person.email, password });
  await browser.fill(shop.variants[1]!.id, 3);
  await browser.get('/api/account');
  await vi.waitFor(async () => expect((await readMails()).length).toBeGreaterThanOrEqual(4), patience);

  const { body: all } = await browser.get('/api/account/export');
  const text = JSON.stringify(all);
  for (const word of words) expect(text).toContain(word);
  expect(all.orders.map(({ id }: { id: string }) => id).sort()).toEqual([first.id, second.id].sort());
  for (const table of [
    'accounts',
    'sessions',
    'carts',
    'orders',
    'order_events',
    'withdrawals',
    'returns',
    'outbox',
  ])
    expect(all.records, table).toHaveProperty(table);
  expect(text).not.toContain('hash');
  expect(await (await browser.request('/account/data')).text()).toContain('itches behind the left ear');

  const traces = await findTraces(words);
  for (const place of ['accounts:', 'orders:', 'outbox:', 'job_attempts:', 'redis:', 'file:'])
    expect(
      traces.some((trace) => trace.startsWith(place)),
      place,
    ).toBe(true);
  expect((await browser.delete('/api/account')).status).toBe(204);
  await sql`update outbox set due_at = now() where kind = 'forget'`.execute(shop.deps.db);
  shop.deps.wakeWorker();
  await vi.waitFor(async () => {
    const { rows } = await sql`select from outbox where kind = 'forget' and state = 'done'`.execute(
      shop.deps.db,
    );
    expect(rows).toHaveLength(1);
  }, patience);
  const left = (await findTraces(words)).filter((trace) => !/^(invoices|credit_notes):/.test(trace));
  expect(left).toEqual([]);
  const kept = await sql`select from invoices where content::text like ${`%${person.name}%`}`.execute(
    shop.deps.db,
  );
  expect(kept.rows).toHaveLength(2);
  // This cookie holds only the log position of the last write, and nothing about the person.
  expect([...browser.cookies.keys()]).toEqual(['__Host-written']);
});

test('Whoever signs up with an e-mail of another person gets and erases nothing of that person', async () => {
  const victim = shop.browser();
  const email = 'victim@example.org';
  const order = await victim.buy(shop.variants[0]!.id, 1, { email });
  const stranger = shop.browser();
  await stranger.signUp(email);
  const { body: all } = await stranger.get('/api/account/export');
  expect(all.orders).toEqual([]);
  expect(JSON.stringify(all)).not.toContain(order.number);
  const mails = sql`select from outbox where kind = 'mail' and payload ->> 'to' = ${email}`;
  const before = await mails.execute(shop.deps.db);
  await vi.waitFor(async () => expect((await readMails()).join()).toContain(email), patience);
  expect((await stranger.delete('/api/account')).status).toBe(204);
  expect((await readMails()).join()).toContain(email);
  expect((await mails.execute(shop.deps.db)).rows).toHaveLength(before.rows.length);
  const kept = await sql<{ email: string }>`select email from orders where id = ${order.id}`.execute(
    shop.deps.db,
  );
  expect(kept.rows[0]!.email).toBe(email);
});

async function runPrivacy(...words: string[]): Promise<string> {
  const told: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void told.push(line));
  await privacyCommand({ DATABASE_URL: shop.deps.settings.databaseUrl })
    .parseAsync(words, { from: 'user' })
    .finally(() => log.mockRestore());
  return told.join('\n');
}

/** Runs the worker's part of an erasure at once. */
async function forgetNow(): Promise<void> {
  await sql`update outbox set due_at = now() where kind = 'forget'`.execute(shop.deps.db);
  shop.deps.wakeWorker();
  await vi.waitFor(async () => {
    const open = await sql`select from outbox where kind = 'forget' and state <> 'done'`.execute(
      shop.deps.db,
    );
    expect(open.rows).toHaveLength(0);
  }, patience);
}

test('A guest who asks by letter is exported and erased by the command line, and again after a restore', async () => {
  const { db } = shop.deps;
  const [email, name] = ['Letter.Writer@example.org', 'Leopoldina Writer'];
  const change = { email, shippingAddress: { ...anOrder.shippingAddress, name } };
  const order = await shop.browser().buy(shop.variants[0]!.id, 1, change);
  const other = await shop
    .browser()
    .buy(shop.variants[0]!.id, 1, { ...change, email: 'mistyped@example.org' });
  await vi.waitFor(async () => expect((await readMails()).join()).toContain(email), patience);

  expect(await runPrivacy('export', email.toUpperCase())).toContain(name);
  const one = JSON.parse(await runPrivacy('export', '--order', other.number));
  expect(one.records.orders).toMatchObject([{ email: 'mistyped@example.org' }]);
  await expect(runPrivacy('export', '--order', 'X-0')).rejects.toThrow('Cannot find the order');
  const file = join(shop.dataDir, 'export.json');
  await runPrivacy('export', email, '--output', file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await rm(file);

  const before = await findTraces([email]);
  expect(await runPrivacy('erase', email)).toMatch(
    /Orders \(orders\): 1 row, without account_id, email.*\n(?:.*\n)*Nothing is changed yet/,
  );
  expect(await findTraces([email])).toEqual(before);
  const rows = await sql<{
    email: string;
  }>`select email, shipping_address from orders where id = ${order.id}`.execute(db);
  const { undelivered, erased } = JSON.parse(await runPrivacy('erase', ` ${email} `, '--yes', '--json'));
  expect([undelivered, erased]).toEqual([[order.number], true]);
  await forgetNow();
  const left = await findTraces([email]);
  expect(left.filter((trace) => !/^(invoices|credit_notes):/.test(trace))).toEqual([]);
  expect((await findTraces(['mistyped@example.org'])).length).toBeGreaterThan(0);
  expect(await runPrivacy('erase', email)).toBe('Nothing is kept of this e-mail');
  const deeds = await sql<{ action: string; target: string }>`
    select action, target from operator_log where who = 'the command line' order by id`.execute(db);
  expect(deeds.rows.at(-1)).toEqual({ action: 'erase a guest', target: `orders ${order.number}` });

  // Restores the value that an older backup has.
  await sql`update orders set email = ${rows.rows[0]!.email} where id = ${order.id}`.execute(db);
  const young = shop.browser();
  await young.signUp('young.account@example.org');
  const { rows: accounts } = await sql<{ id: string }>`
    select id from accounts where email = 'young.account@example.org'`.execute(db);
  await sql`update accounts set email_confirmed_at = now() where id = ${accounts[0]!.id}`.execute(db);
  await expect(runPrivacy('erase', 'young.account@example.org', '--yes')).rejects.toThrow('/account');
  const logs = join(shop.dataDir, 'logs');
  const line = (time: string) => JSON.stringify({ time, security: 'erasure', account: accounts[0]!.id });
  const lines = (more: string) => [...logged, 'worker-1 | {"security":"erasure"', more].join('\n');
  await writeFile(logs, lines(line('2020-01-01T00:00:00Z')));
  expect(JSON.parse(await runPrivacy('replay', logs, '--json'))).toMatchObject({ accounts: 0, guests: 1 });
  expect((await findTraces([email])).length).toBeGreaterThan(left.length);
  await writeFile(logs, lines(`worker-1 | ${line(new Date(Date.now() + 60_000).toISOString())}`));
  expect(await runPrivacy('replay', logs, '--yes')).toContain('1 accounts and 1 guests, now erased again');
  await rm(logs);
  await forgetNow();
  expect(await findTraces([email])).toHaveLength(left.length);
  expect((await young.get('/api/account')).status).toBe(401);
});

test('What has been kept for its time is forgotten in rounds, and younger things stay', async () => {
  const { db, settings } = shop.deps;
  const email = 'long.ago@example.org';
  const name = 'Longago Lovelace';
  const change = { email, shippingAddress: { ...anOrder.shippingAddress, name } };
  const old = await shop.browser().buy(shop.variants[0]!.id, 1, change);
  const young = await shop.browser().buy(shop.variants[0]!.id, 1, { ...change, email: 'young@example.org' });
  const cart = shop.browser();
  await cart.fill(shop.variants[0]!.id);
  const carts = sql<{ id: string }>`select id from carts where account_id is null and lines <> '[]'`;
  // On a busy machine, the answer may come before Postgres has the cart.
  await vi.waitFor(async () => expect((await carts.execute(db)).rows).toHaveLength(1), patience);
  await sql`update orders set placed_at = now() - interval '1096 days' where id = ${old.id}`.execute(db);
  await sql`update invoices set issued_at = now() - interval '12 years' where order_id = ${old.id}`.execute(
    db,
  );
  await sql`
    insert into withdrawals (order_number, name, email, fingerprint, declared_at)
    values ('X', ${name}, ${email}, 'f', now() - interval '1096 days')`.execute(db);
  await sql`
    insert into operator_sessions (token_hash, name, device, address, created_at)
    values ('old', 'op', 'd', 'a', now() - interval '91 days'), ('new', 'op', 'd', 'a', now())`.execute(db);
  const prune = async () => {
    await db.transaction().execute((tx) => pruneRecords(tx, settings.keep));
    await pruneGuestCarts(shop.deps, settings.keep.KEEP_CARTS_DAYS);
    await pruneMailFiles(settings);
  };
  await vi.waitFor(async () => expect((await readMails()).join()).toContain(email), patience);
  for (const file of await readdir(join(shop.dataDir, 'mail'))) {
    // Other files are still being written.
    if (!file.endsWith('.eml')) continue;
    const path = join(shop.dataDir, 'mail', file);
    if ((await readFile(path, 'utf8')).includes(email)) await utimes(path, new Date(0), new Date(0));
  }
  await prune();
  expect(await findTraces([email])).toEqual([]);
  expect((await findTraces(['young@example.org'])).length).toBeGreaterThan(2);
  expect((await carts.execute(db)).rows).toHaveLength(1);
  const invoice = await sql<{ content: { buyer: string[]; total: number } }>`
    select content from invoices where order_id = ${old.id}`.execute(db);
  expect(invoice.rows[0]!.content).toMatchObject({ buyer: [], total: 1_999 });
  expect((await sql`select from operator_sessions`.execute(db)).rows).toHaveLength(1);
  const kept = await sql<{ name: string }>`
    select shipping_address ->> 'name' as name from orders where id = ${young.id}`.execute(db);
  expect(kept.rows[0]!.name).toBe(name);
  await sql`update carts set created_at = now() - interval '401 days'`.execute(db);
  await prune();
  // The cart is old but was changed today.
  expect((await carts.execute(db)).rows).toHaveLength(1);
  await sql`update carts set updated_at = now() - interval '401 days'`.execute(db);
  await prune();
  await prune();
  expect((await carts.execute(db)).rows).toEqual([]);
});

test('No line of the log names a person or holds a secret, at the lowest level', async () => {
  const { cookies } = await (async () => {
    const browser = shop.browser();
    await browser.signUp('log.line@example.org', 'a-password-that-is-logged-nowhere');
    await browser.post('/api/sessions', {
      email: 'log.line@example.org',
      password: 'wrong-and-logged-nowhere',
    });
    return browser;
  })();
  const token = decodeURIComponent(cookies.get('__Host-session')!).split('.')[0]!;
  const all = logged.join('');
  expect(all).toContain('"security":"erasure"');
  expect(all).toContain('"security":"sign-in-failed"');
  for (const word of [...words, 'log.line@', 'logged-nowhere', token]) expect(all).not.toContain(word);
});

test('An export names no column that is secret', () => {
  const secrets = /hash|secret|public_key|provider_key|result/;
  for (const [name, table] of Object.entries(register))
    expect(
      exportedColumns(table).filter((column) => secrets.test(column)),
      name,
    ).toEqual([]);
});
