// A shopper buys as a guest in a real browser, without JavaScript and with it.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';

describe.skipIf(!hasChromium)('buying in Chromium', () => {
  let storefront: Storefront;
  let chromium: Browser;
  beforeAll(async () => {
    [storefront, chromium] = await Promise.all([openStorefront(), launchChromium()]);
  });
  afterAll(async () => {
    await chromium?.close();
    await storefront?.[Symbol.asyncDispose]();
  });

  async function openPage(javaScriptEnabled: boolean): Promise<Page> {
    const context = await chromium.newContext({ javaScriptEnabled, viewport: { width: 390, height: 844 } });
    return context.newPage();
  }

  async function chooseFirstSize(page: Page): Promise<void> {
    await page.goto(`${storefront.url}/p/${storefront.slug}`);
    await page.locator('.sizes:visible .choice-input:enabled + .choice').first().click();
  }

  async function checkOut(page: Page, payment: string): Promise<void> {
    await page.goto(`${storefront.url}/checkout`);
    await page.fill('#email', 'ada@example.com');
    await page.fill('#name', 'Ada Shopper');
    await page.fill('#line1', '1 Mill Lane');
    await page.fill('#postalCode', '10115');
    await page.fill('#city', 'Berlin');
    await page.check(`input[value="${payment}"]`);
    await page.getByRole('button', { name: 'Buy now' }).click();
    await page.waitForURL('**/orders/*');
  }

  test('a guest buys without JavaScript, and sees that no money moved', async () => {
    const page = await openPage(false);
    await chooseFirstSize(page);
    await page.getByRole('button', { name: 'Add to bag' }).click();
    expect(new URL(page.url()).pathname).toBe('/cart');
    await checkOut(page, 'demo:paid');
    expect(await page.textContent('main')).toContain('no money moves');
    await page.goto(`${storefront.url}/cart`);
    expect(await page.textContent('main')).toContain('Your bag is empty');
  });

  test('without JavaScript, a form without a size is shown again with the reason', async () => {
    const page = await openPage(false);
    await page.goto(`${storefront.url}/p/${storefront.slug}`);
    await page.fill('#quantity', '3');
    await page.getByRole('button', { name: 'Add to bag' }).click();
    expect(await page.textContent('[role=alert]')).toContain('Please choose a size');
    expect(await page.inputValue('#quantity')).toBe('3');
  });

  test('with JavaScript, adding stays on the page and the count rises; a declined payment is told', async () => {
    const page = await openPage(true);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await chooseFirstSize(page);
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await page.locator('.added a').waitFor();
    expect(new URL(page.url()).pathname).toBe(`/p/${storefront.slug}`);
    expect(await page.textContent('[data-count-here]')).toBe('1');
    await page.goto(`${storefront.url}/cart`);
    const changed = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.locator('input[name=quantity][type=number]').fill('2');
    await page.locator('input[name=quantity][type=number]').press('Enter');
    await changed;
    await page.getByText('2 pieces').first().waitFor();
    await checkOut(page, 'demo:declined');
    expect(await page.textContent('h1')).toBe('Not paid');
    expect(errors).toEqual([]);
  });

  test.each([
    ['once', 1, 'Added to your bag'],
    ['every time', 4, 'The shop does not answer'],
  ])('an add whose answer is lost %s counts once', async (_often, losses, told) => {
    const page = await openPage(true);
    let lost = 0;
    await page.route('**/api/cart/lines', async (route) => {
      const answer = await route.fetch();
      if (lost++ < losses)
        await route.fulfill({ status: 502, contentType: 'text/html', body: 'Bad gateway' });
      else await route.fulfill({ response: answer });
    });
    await chooseFirstSize(page);
    const addressBefore = page.url();
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await page.getByText(told).waitFor();
    if (losses > 1) {
      await page.getByRole('button', { name: 'Add to bag' }).click();
      await page.getByText('Added to your bag').waitFor();
    }
    expect(page.url()).toBe(addressBefore);
    expect(lost).toBe(losses + 1);
    await page.goto(`${storefront.url}/cart`);
    expect(await page.inputValue('[name=quantity]')).toBe('1');
  });

  test('a total that differs from what was seen is told before anything is ordered', async () => {
    const page = await openPage(false);
    await chooseFirstSize(page);
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await page.goto(`${storefront.url}/checkout`);
    const other = await page.context().newPage();
    await chooseFirstSize(other);
    await other.getByRole('button', { name: 'Add to bag' }).click();
    await page.fill('#email', 'ada@example.com');
    await page.fill('#name', 'Ada Shopper');
    await page.fill('#line1', '1 Mill Lane');
    await page.fill('#postalCode', '10115');
    await page.fill('#city', 'Berlin');
    await page.getByRole('button', { name: 'Buy now' }).click();
    expect(await page.textContent('[role=alert]')).toContain('2 in the bag instead of 1');
    expect(await page.inputValue('#city')).toBe('Berlin');
    await page.getByRole('button', { name: 'Buy now' }).click();
    await page.waitForURL('**/orders/*');
  });

  test('who signs up keeps the bag, and finds it on another device', async () => {
    const page = await openPage(false);
    await chooseFirstSize(page);
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await page.goto(`${storefront.url}/sign-up`);
    await page.fill('#name', 'Grace Shopper');
    await page.fill('#email', 'grace@example.com');
    await page.fill('#password', 'a long enough password');
    await page.getByRole('button', { name: 'Create account' }).click();
    expect(await page.textContent('h1')).toBe('Grace Shopper');
    const elsewhere = await openPage(false);
    await elsewhere.goto(`${storefront.url}/sign-in`);
    await elsewhere.fill('#email', 'grace@example.com');
    await elsewhere.fill('#password', 'a long enough password');
    await elsewhere.locator('main').getByRole('button', { name: 'Sign in' }).click();
    await elsewhere.goto(`${storefront.url}/cart`);
    expect(await elsewhere.textContent('main')).toContain('1 piece');
  });
});
