// What may cross a sign-in or an order on its way: a new password, the end of the account, or another checkout of the
// same cart.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccountDeps } from '../../origin/account/account-deps.ts';
import { createPasswords, type Passwords } from '../../origin/account/passwords.ts';
import { signIn } from '../../origin/account/sign-in.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

const quick = createPasswords({ memoryCost: 64, timeCost: 1, parallelism: 1 });
const oldPassword = 'a-password-of-tests';

describe('a sign-in whose password was verified', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  /** Signs in with the old password. `meanwhile` runs after the password was found right. */
  async function signInWhile(email: string, meanwhile: () => Promise<unknown>) {
    const passwords: Passwords = {
      ...quick,
      async matches(hash, password, use) {
        const isRight = await quick.matches(hash, password, use);
        await meanwhile();
        return isRight;
      },
    };
    const carts = createCarts(shop.deps);
    try {
      const requestOrigin = {
        address: '192.0.2.1',
        cookieHeader: undefined,
        device: '',
        idempotencyKey: undefined,
      };
      return await signIn(createAccountDeps(shop.deps, carts, passwords), requestOrigin, {
        email,
        password: oldPassword,
      });
    } finally {
      await carts.close();
    }
  }

  test('begins nothing once the password is another one', async () => {
    const owner = shop.browser();
    await owner.signUp('changed@example.com');
    const change = { currentPassword: oldPassword, newPassword: 'quite-another-password' };
    const answer = signInWhile('changed@example.com', () => owner.put('/api/account/password', change));
    await expect(answer).rejects.toMatchObject({ status: 401, code: 'wrong-credentials' });
    expect((await owner.get('/api/sessions')).body.items).toHaveLength(1);
  });

  test('begins nothing once the account is gone', async () => {
    const owner = shop.browser();
    await owner.signUp('gone@example.com');
    const answer = signInWhile('gone@example.com', () => owner.delete('/api/account'));
    await expect(answer).rejects.toMatchObject({ status: 401, code: 'wrong-credentials' });
  });
});

describe.each(['server', 'cookie', 'sticky'] as const)('with carts in state %s', (cartState) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop({ env: { CART_STATE: cartState } });
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  const countWaiting = async () => {
    const { rows } = await sql<{ count: number }>`
      select count(*)::integer as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(shop.deps.db);
    return rows[0]!.count;
  };

  async function withPieces(email: string): Promise<Browser> {
    const browser = shop.browser();
    await browser.signUp(email);
    await browser.fill(shop.variants[0]!.id, 2);
    return browser;
  }

  test('two checkouts of one cart at the same moment are one order', async () => {
    for (const browser of [await withPieces('twice@example.com'), shop.browser()]) {
      if (browser.cookies.size === 0) await browser.fill(shop.variants[0]!.id, 2);
      const answers = await Promise.all([browser.order({}, 'one-key'), browser.order({}, 'another-key')]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      expect(answers.find(({ status }) => status === 409)!.body.code).toBe('cart-empty');
      await browser.fill(shop.variants[0]!.id, 1);
      expect((await browser.order({}, 'a-later-key')).status).toBe(201);
    }
  });

  test('an account that is deleted while it orders leaves no person in the order', async () => {
    const browser = await withPieces('deleted@example.com');
    const { body: account } = await browser.get('/api/account');
    // The order holds its first locks and waits for the stock.
    const gate = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const blocking = shop.deps.db.transaction().execute(async (tx) => {
      await tx
        .selectFrom('variants')
        .select('id')
        .where('id', '=', shop.variants[0]!.id)
        .forUpdate()
        .execute();
      locked.resolve();
      await gate.promise;
    });
    await locked.promise;
    const ordering = browser.order({ email: 'deleted@example.com' }, 'ordered-while-deleted');
    await expect.poll(countWaiting).toBe(1);
    let isDeleted = false;
    const deleting = browser.delete('/api/account').finally(() => (isDeleted = true));
    await expect.poll(async () => isDeleted || (await countWaiting()) === 2).toBe(true);
    gate.resolve();
    await blocking;
    const answers = await Promise.all([ordering, deleting]);
    expect(answers[1].status).toBe(204);
    const left = await shop.deps.db
      .selectFrom('orders')
      .select(['id', 'email'])
      .where('account_id', '=', account.id)
      .execute();
    expect(left).toEqual([]);
    const named = await shop.deps.db
      .selectFrom('orders')
      .select('id')
      .where('email', '=', 'deleted@example.com')
      .execute();
    expect(named).toEqual([]);
  });
});
