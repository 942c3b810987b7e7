// However a shopper leaves, the browser has neither session nor pieces, in every cart state.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

const password = 'a-password-of-tests';

describe.each(['server', 'cookie', 'sticky'] as const)('with carts in state %s', (cartState) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop({ env: { CART_STATE: cartState } });
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  async function signedUpWithPieces(email: string): Promise<Browser> {
    const browser = shop.browser();
    await browser.signUp(email);
    await browser.add(shop.variants[0]!.id, 2);
    expect(browser.cookies.has('__Host-cart')).toBe(true);
    return browser;
  }
  async function expectLeft(browser: Browser): Promise<void> {
    expect([...browser.cookies.keys()]).not.toContain('__Host-cart');
    expect([...browser.cookies.keys()]).not.toContain('__Host-session');
    expect((await browser.get('/api/cart')).body.count).toBe(0);
  }

  test('deleting the account empties the cart of the browser', async () => {
    const browser = await signedUpWithPieces('deleted@example.com');
    expect((await browser.delete('/api/account')).status).toBe(204);
    await expectLeft(browser);
  });

  test('ending the own session leaves the pieces with the account, and none in the browser', async () => {
    const email = 'ended@example.com';
    const browser = await signedUpWithPieces(email);
    const { items } = (await browser.get('/api/sessions')).body;
    expect((await browser.delete(`/api/sessions/${items[0].id}`)).status).toBe(204);
    await expectLeft(browser);
    await browser.post('/api/sessions', { email, password });
    expect((await browser.get('/api/cart')).body.count).toBe(2);
  });
});
