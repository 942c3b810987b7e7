// Staff members: owners give and take roles, the last owner cannot go, and the audit can be neither changed nor
// deleted.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop, staffAccount } from '../support/shop.ts';

const password = 'a-password-of-tests';
let shop: Shop;
let owner: Browser;
let ownerId: string;
beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  owner = await shop.staff();
  ownerId = (await owner.get('/api/account')).body.id;
});
afterAll(() => shop[Symbol.asyncDispose]());

async function join(email: string, role: string): Promise<{ browser: Browser; id: string }> {
  const browser = shop.browser();
  const { body: account } = await browser.signUp(email);
  expect((await owner.post('/api/staff/members', { email, role })).status).toBe(201);
  await browser.post('/api/sessions', { email, password });
  return { browser, id: account.id };
}

test('A shopper becomes an editor by signing in again, then a viewer with the next request, then a shopper', async () => {
  const browser = shop.browser();
  const email = 'editor@example.com';
  const { body: account } = await browser.signUp(email);
  const added = await owner.post('/api/staff/members', {
    email: ' Editor@Example.com'.trim(),
    role: 'editor',
  });
  expect(added.body).toMatchObject({ id: account.id, email, role: 'editor', secondFactor: false });
  // The shopper's session has ended.
  expect((await browser.get('/api/account')).status).toBe(401);
  const signedIn = await browser.post('/api/sessions', { email, password });
  expect(signedIn.body).toMatchObject({ role: 'staff', staffRole: 'editor' });
  const stock = () => browser.put(`/api/staff/variants/${shop.variants[0]!.id}/stock`, { stock: 20 });
  expect((await stock()).status).toBe(200);
  expect((await browser.get('/api/staff/orders')).body.code).toBe('not-your-role');
  await owner.patch(`/api/staff/members/${account.id}`, { role: 'viewer' });
  expect((await stock()).body.code).toBe('not-your-role');
  expect((await browser.get('/api/staff/orders')).status).toBe(200);
  expect((await owner.delete(`/api/staff/members/${account.id}`)).status).toBe(204);
  expect((await browser.get('/api/account')).status).toBe(401);
  expect((await browser.post('/api/sessions', { email, password })).body.role).toBe('shopper');
  expect((await browser.get('/api/staff/orders')).body.code).toBe('staff-only');
  expect((await owner.delete(`/api/staff/members/${account.id}`)).status).toBe(404);
});

test('An owner signs a member out on all devices, by the API and by the page, and nobody else is signed out', async () => {
  const { browser, id } = await join('signed.out@example.com', 'staff');
  const other = shop.browser();
  const again = () => other.post('/api/sessions', { email: 'signed.out@example.com', password });
  await again();
  expect((await browser.delete(`/api/staff/members/${ownerId}/sessions`)).status).toBe(403);
  expect((await owner.delete(`/api/staff/members/${id}/sessions`)).status).toBe(204);
  const statuses = async () => [
    (await browser.get('/api/account')).status,
    (await other.get('/api/account')).status,
    (await owner.get('/api/account')).status,
  ];
  expect(await statuses()).toEqual([401, 401, 200]);
  expect((await again()).body).toMatchObject({ staffRole: 'staff' });
  const sent = await owner.request('/staff/members', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ member: id, do: 'sign-out' }).toString(),
  });
  expect([sent.status, sent.headers.get('Location')]).toEqual([303, '/staff/members?done=yes']);
  expect(await statuses()).toEqual([401, 401, 200]);
  const { body: shopper } = await shop.browser().signUp('no.member@example.com');
  expect((await owner.delete(`/api/staff/members/${shopper.id}/sessions`)).status).toBe(404);
});

describe('the last owner', () => {
  test('can neither be demoted, nor removed, nor delete the account', async () => {
    for (const answer of [
      await owner.patch(`/api/staff/members/${ownerId}`, { role: 'viewer' }),
      await owner.delete(`/api/staff/members/${ownerId}`),
      await owner.post('/api/staff/members', { email: staffAccount.email, role: 'editor' }),
      await owner.delete('/api/account'),
    ])
      expect([answer.status, answer.body.code]).toEqual([409, 'last-owner']);
    expect((await owner.get('/api/account')).body.staffRole).toBe('owner');
  });

  test('is left where two owners leave at the same moment', async () => {
    const [one, other] = [await join('one@example.com', 'owner'), await join('other@example.com', 'owner')];
    await owner.patch(`/api/staff/members/${ownerId}`, { role: 'viewer' });
    const answers = await Promise.all([
      one.browser.delete('/api/account'),
      other.browser.patch(`/api/staff/members/${other.id}`, { role: 'viewer' }),
    ]);
    expect(answers.map(({ status }) => status).filter((status) => status === 409)).toHaveLength(1);
    await shop.deps.db
      .updateTable('accounts')
      .set({ staff_role: 'owner' })
      .where('id', '=', ownerId)
      .execute();
    owner = shop.browser();
    await owner.post('/api/sessions', staffAccount);
  });
});

test('The audit keeps the name of who acted after the account is gone, and the database refuses to change or delete it', async () => {
  const { browser, id } = await join('gone@example.com', 'editor');
  await browser.put(`/api/staff/variants/${shop.variants[1]!.id}/stock`, { stock: 7 });
  await browser.delete('/api/account');
  const { rows } = await sql<{ who: string; subject: string }>`
    select who, subject from staff_changes where account_id = ${id}`.execute(shop.deps.db);
  expect(rows).toEqual([{ who: 'gone@example.com', subject: `variant:${shop.variants[1]!.id}` }]);
  const given =
    await sql`select before, after, who from staff_changes where subject = ${`account:${id}`}`.execute(
      shop.deps.db,
    );
  expect(given.rows).toEqual([
    { before: { role: null }, after: { role: 'editor' }, who: staffAccount.email },
  ]);
  for (const attack of [
    sql`delete from staff_changes`,
    sql`update staff_changes set who = 'somebody else'`,
    sql`truncate staff_changes`,
  ])
    await expect(attack.execute(shop.deps.db)).rejects.toMatchObject({ code: '42501' });
});

test('The owners’ page adds, changes and removes members, and says why it refuses', async () => {
  const send = (values: Record<string, string>) =>
    owner.request('/staff/members', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://localhost' },
      body: new URLSearchParams(values),
    });
  const email = 'page-member@example.com';
  const { body: account } = await shop.browser().signUp(email);
  expect((await send({ email, role: 'editor' })).headers.get('Location')).toBe('/staff/members?done=yes');
  expect(await (await owner.request('/staff/members?done=yes')).text()).toMatch(/Saved[\s\S]*page-member@/);
  expect((await send({ member: account.id, role: 'none' })).status).toBe(303);
  expect(await (await owner.request('/staff/members')).text()).not.toContain('page-member@');
  const unknown = await send({ email: 'nobody@example.com', role: 'editor' });
  expect([unknown.status, await unknown.text()]).toEqual([404, expect.stringContaining('does not exist')]);
  expect((await send({ member: account.id, role: 'viewer' })).status).toBe(404);
});
