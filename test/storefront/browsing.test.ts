// A shopper browses in a real browser, with and without a script: colours and pictures, filters, messages, and the
// back button.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';

describe.skipIf(!hasChromium)('looking around in Chromium', () => {
  let storefront: Storefront;
  let chromium: Browser;
  beforeAll(async () => {
    [storefront, chromium] = await Promise.all([
      openStorefront(),
      launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] }),
    ]);
  });
  afterAll(async () => {
    await chromium?.close();
    await storefront?.[Symbol.asyncDispose]();
  });

  async function openPage(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await chromium.newContext({ viewport: { width: 390, height: 844 }, ...options });
    const page = await context.newPage();
    await page.goto(storefront.url + path);
    return page;
  }

  const product = () => `/p/${storefront.slug}`;
  const firstPicture = (page: Page) => page.locator('.gallery img').first().getAttribute('alt');
  const addToBag = (page: Page) => page.getByRole('button', { name: 'Add to bag' }).click();

  test.each([
    ['without JavaScript', false],
    ['with JavaScript', true],
  ])(
    '%s, choosing a colour shows its picture and its sizes, at an address of its own',
    async (_how, javaScriptEnabled) => {
      const page = await openPage(product(), { javaScriptEnabled });
      expect(await firstPicture(page)).toContain('in White');
      await page.getByRole('link', { name: 'Navy', exact: true }).click();
      await page.getByText('Size in Navy').waitFor();
      expect(await firstPicture(page)).toContain('in Navy');
      expect(new URL(page.url()).search).toBe('?color=Navy');
      expect(await page.locator('.choice[aria-current]').textContent()).toBe('Navy');
      await page.locator('.sizes .choice-input:enabled + .choice').first().click();
      await addToBag(page);
      if (javaScriptEnabled) await page.locator('.added a').click();
      await page.waitForURL('**/cart');
      expect(await page.textContent('.lines')).toContain('Navy');
    },
  );

  test('a picture that does not come leaves words in its place', async () => {
    const context = await chromium.newContext({ viewport: { width: 390, height: 844 }, bypassCSP: true });
    await context.route('**/images/**', (route) => route.abort());
    const page = await context.newPage();
    await page.goto(`${storefront.url}/c/women`);
    const tile = page.locator('.product .tile').first();
    const told = await tile.screenshot();
    await page.addStyleTag({ content: '.tile img::after { color: transparent !important }' });
    expect(told.equals(await tile.screenshot())).toBe(false);
    await context.close();
  });

  test('with JavaScript, another colour keeps the size, the number and the focus, and loads no page', async () => {
    const page = await openPage(product());
    await page.evaluate('window.isSamePage = true');
    await page.locator('.choice-input[data-size="M"] + .choice').click();
    await page.fill('#quantity', '3');
    await page.getByText('Size guide').click();
    await page.getByRole('link', { name: 'Navy', exact: true }).press('Enter');
    await page.getByText('Size in Navy').waitFor();
    expect(await page.evaluate('window.isSamePage')).toBe(true);
    expect(await page.locator('.choice-input:checked').getAttribute('data-size')).toBe('M');
    expect(await page.inputValue('#quantity')).toBe('3');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Navy');
    expect(await page.locator('.sizing').isVisible()).toBe(true);
  });

  test('the pictures of a product have one size', async () => {
    for (const width of [390, 1280]) {
      const page = await openPage(product(), { viewport: { width, height: 900 } });
      const boxes = await Promise.all(
        (await page.locator('.gallery img').all()).map((image) => image.boundingBox()),
      );
      const sizes = new Set(boxes.map((box) => `${Math.round(box!.width)}×${Math.round(box!.height)}`));
      expect([boxes.length > 1, sizes.size]).toEqual([true, 1]);
    }
  });

  test('filters and sort apply on change; the filter keeps its focus and the way back leads to the list before', async () => {
    const page = await openPage('/c/women-dresses', { viewport: { width: 1280, height: 900 } });
    await page.evaluate('window.isSamePage = true');
    expect(await page.locator('[data-apply]:visible').count()).toBe(0);
    const before = await page.textContent('[data-total]');
    const navy = page.getByRole('checkbox', { name: /^Navy/ });
    await navy.focus();
    await page.keyboard.press('Space');
    await page.waitForURL('**/c/women-dresses?*color=Navy*');
    await page.locator('.chip', { hasText: 'Navy' }).waitFor();
    expect(await page.evaluate('document.activeElement.value')).toBe('Navy');
    await page.getByLabel('Sort by').selectOption('price-asc');
    await page.waitForURL('**sort=price-asc*');
    await page.locator('.chip', { hasText: 'Navy' }).waitFor();
    expect(await page.evaluate('window.isSamePage')).toBe(true);
    const amounts = (await page.locator('.product .price').allTextContents()).map((text) =>
      Number.parseFloat(text.replace('€', '')),
    );
    expect(amounts).toEqual(amounts.toSorted((a, b) => a - b));
    await page.goBack();
    await page.goBack();
    await page.waitForURL('**/c/women-dresses');
    await page.getByText(before!).first().waitFor();
  });

  test('without JavaScript, filters and sort have their buttons beside them', async () => {
    const page = await openPage('/c/women-dresses', {
      javaScriptEnabled: false,
      viewport: { width: 1280, height: 900 },
    });
    await page.getByLabel('Sort by').selectOption('price-asc');
    await page.getByRole('button', { name: 'Sort' }).click();
    expect(new URL(page.url()).searchParams.get('sort')).toBe('price-asc');
    await page.locator('.choice', { hasText: 'Navy' }).click();
    await page.getByRole('button', { name: 'Apply' }).click();
    expect(new URL(page.url()).searchParams.get('color')).toBe('Navy');
  });

  test('a message covers nothing, and goes by itself, by Escape and by its button', async () => {
    const page = await openPage(product());
    await page.clock.install();
    const message = page.locator('.added');
    const closers = [
      () => page.keyboard.press('Escape'),
      () => page.getByRole('button', { name: 'Close' }).click(),
      () => page.clock.runFor(20_000),
    ];
    for (const close of closers) {
      await page.locator('.sizes .choice-input:enabled + .choice').first().click();
      await addToBag(page);
      await page.locator('.added a').waitFor();
      await page.mouse.move(0, 0);
      const covered = await page.evaluate(`(() => {
        const box = document.querySelector('.added').getBoundingClientRect();
        return [...document.querySelectorAll('main *')].filter((other) => {
          if (other.matches('.added, .added *') || other.querySelector('.added')) return false;
          const { left, right, top, bottom, width } = other.getBoundingClientRect();
          return width > 1 && left < box.right && right > box.left && top < box.bottom - 1 && bottom > box.top + 1;
        }).map((other) => other.outerHTML.slice(0, 80));
      })()`);
      expect(covered).toEqual([]);
      await close();
      await page.locator('.added p').waitFor({ state: 'detached' });
      expect(await message.textContent()).toBe('');
    }
  });

  test('the way back shows the present number in the bag and the present name', async () => {
    const page = await openPage('/c/women-t-shirts');
    const count = page.locator('[data-count-here]');
    await page.goto(storefront.url + product());
    await page.locator('.sizes .choice-input:enabled + .choice').first().click();
    await addToBag(page);
    await page.locator('.added a').waitFor();
    await page.goto(`${storefront.url}/sign-up`);
    await page.fill('#name', 'Ida Shopper');
    await page.fill('#email', 'ida@example.com');
    await page.fill('#password', 'a long enough password');
    await page.locator('main form button').click();
    await page.waitForURL('**/account');
    await page.evaluate('history.go(-3)');
    await page.waitForURL('**/c/women-t-shirts', { waitUntil: 'commit' });
    // The browser kept the page and did not load it again.
    expect(await page.evaluate('performance.getEntriesByType("navigation")[0].type')).toBe('navigate');
    await expect.poll(() => count.textContent()).toBe('1');
    await expect.poll(() => page.textContent('[data-name-here]')).toBe('Ida');
  });
});
