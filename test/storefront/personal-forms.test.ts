// The bag and the personal forms in a real browser, with and without the script: focus, messages, and preserved
// input.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bringAxe, findInBothSchemes } from '../support/axe.ts';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';
import { type PersonalPages, preparePersonalPages } from './personal-pages.ts';

let storefront: Storefront;
let chromium: Browser;
beforeAll(async () => {
  if (hasChromium) [storefront, chromium] = await Promise.all([openStorefront(), launchChromium()]);
});
afterAll(async () => {
  await chromium?.close();
  await storefront?.[Symbol.asyncDispose]();
});

async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await chromium.newContext({ viewport: { width: 390, height: 844 }, ...options });
  return context.newPage();
}

/** Adds three lines by the shop's own forms. @returns the variants in the order of the bag */
async function fillBag(page: Page): Promise<string[]> {
  const { variants } = await (
    await page.request.get(`${storefront.url}/api/products/${storefront.slug}`)
  ).json();
  const chosen = variants
    .filter(({ available }: { available: number }) => available >= 10)
    .slice(0, 3)
    .map(({ id }: { id: string }) => id);
  for (const variantId of chosen) {
    const answer = await page.request.post(`${storefront.url}/api/cart/lines`, {
      data: { variantId, quantity: 1 },
    });
    expect(answer.status()).toBe(200);
  }
  return chosen;
}
/** The element that extends furthest to the right. */
const widest = (page: Page) =>
  page.evaluate(`[...document.querySelectorAll('main *')]
    .toSorted((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right)[0].outerHTML.slice(0, 100)`);
const focused = (page: Page) => page.evaluate('document.activeElement.id') as Promise<string>;
const bagOf = async (page: Page) => {
  const { lines } = await (await page.request.get(`${storefront.url}/api/cart`)).json();
  return lines.map(({ variantId, quantity }: { variantId: string; quantity: number }) => [
    variantId,
    quantity,
  ]);
};

describe.skipIf(!hasChromium)('in Chromium', () => {
  describe.each([
    ['with the script', true],
    ['without JavaScript', false],
  ] as const)('the bag %s', (_how, javaScriptEnabled) => {
    test('keeps the focus in the line whose quantity changed', async () => {
      const page = await openPage({ javaScriptEnabled });
      const [first, second, third] = await fillBag(page);
      await page.goto(`${storefront.url}/cart`);
      await page.locator(`#q-${second}`).fill('3');
      await page.locator(`#q-${second}`).press('Enter');
      await expect
        .poll(() => bagOf(page))
        .toEqual([
          [first, 1],
          [second, 3],
          [third, 1],
        ]);
      await page.getByText('5 pieces').first().waitFor();
      await expect.poll(() => focused(page)).toBe(`q-${second}`);
      expect(await page.locator(`#q-${second}`).inputValue()).toBe('3');
    });

    test('puts the focus where a removed line stood, on what puts it back; then into the line', async () => {
      const page = await openPage({ javaScriptEnabled });
      const [first, second, third] = await fillBag(page);
      await page.goto(`${storefront.url}/cart`);
      await page.locator(`#remove-${second}`).focus();
      await page.keyboard.press('Enter');
      await page.locator('#removed').waitFor();
      await expect.poll(() => focused(page)).toBe('removed');
      expect(await bagOf(page)).toEqual([
        [first, 1],
        [third, 1],
      ]);
      const rows = await page
        .locator('.lines > li')
        .evaluateAll((items) => items.map((item) => item.className));
      expect(rows).toEqual(['', 'removed', '']);
      await page.keyboard.press('Enter');
      await page.locator(`#q-${second}`).waitFor();
      await expect.poll(() => focused(page)).toBe(`q-${second}`);
      expect(await bagOf(page)).toEqual([
        [first, 1],
        [third, 1],
        [second, 1],
      ]);
      expect(await page.locator('#removed').count()).toBe(0);
    });

    test('that lost its last line is empty, and has it back as it was', async () => {
      const page = await openPage({ javaScriptEnabled });
      const [first, second, third] = await fillBag(page);
      for (const id of [first, second, third]) {
        await page.goto(`${storefront.url}/cart`);
        if (id === third) {
          await page.locator(`#q-${id}`).fill('4');
          await page.locator(`#q-${id}`).press('Enter');
          await page.getByText('4 pieces').first().waitFor();
        }
        await page.locator(`#remove-${id}`).click();
        await page.locator('#removed').waitFor();
      }
      expect(await page.textContent('main')).toContain('Your bag is empty');
      await page.locator('#removed').click();
      await page.locator(`#q-${third}`).waitFor();
      expect(await bagOf(page)).toEqual([[third, 4]]);
    });

    test('shows a quantity that cannot be as it was entered, with the reason and an error in the title', async () => {
      const page = await openPage({ javaScriptEnabled });
      const [first] = await fillBag(page);
      await page.goto(`${storefront.url}/cart`);
      // Simulates a browser that does not support `max`.
      await page.evaluate(`{
        const quantity = document.getElementById('q-${first}');
        quantity.removeAttribute('max');
        quantity.form.noValidate = true;
      }`);
      await page.locator(`#q-${first}`).fill('400');
      await page.locator(`#q-${first}`).press('Enter');
      await page.locator('[role=alert]').waitFor();
      expect(await page.title()).toMatch(/^Error: /);
      expect(await page.locator(`#q-${first}`).inputValue()).toBe('400');
      await page.locator('[role=alert] a').click();
      expect(await focused(page)).toBe(`q-${first}`);
    });

    test('a checkout with faults takes the focus to what is wrong, and from there to each field', async () => {
      const page = await openPage({ javaScriptEnabled });
      await fillBag(page);
      await page.goto(`${storefront.url}/checkout`);
      await page.fill('#name', 'Ada Shopper');
      await page.selectOption('#country', 'FR');
      await page.fill('#postalCode', '1');
      await page.getByRole('button', { name: 'Buy now' }).click();
      await page.locator('[role=alert]').waitFor();
      expect(await page.title()).toMatch(/^Error: /);
      expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('alert');
      expect(await page.inputValue('#name')).toBe('Ada Shopper');
      expect(await page.inputValue('#country')).toBe('FR');
      const links = page.locator('[role=alert] a');
      expect(await links.allTextContents()).toEqual([
        'E-mail: Please fill this in.',
        'Street and number: Please fill this in.',
        'Postal code: Must be a postal code of France, such as 75001.',
        'Town or city: Please fill this in.',
      ]);
      for (const [index, id] of ['email', 'line1', 'postalCode', 'city'].entries()) {
        await links.nth(index).click();
        expect(await focused(page)).toBe(id);
      }
    });

    test('a new password can be sent from a page whose address is a secret', async () => {
      const page = await openPage({ javaScriptEnabled });
      await page.goto(`${storefront.url}/reset-password?token=a-link-that-was-used`);
      await page.fill('#password', 'a long enough password');
      const asked = page.waitForRequest((request) => request.method() === 'POST');
      await page.getByRole('button', { name: 'Set the password' }).click();
      await page.locator('[role=alert]').waitFor();
      expect(await page.textContent('[role=alert]')).toContain('This link was used already');
      expect((await (await asked).allHeaders())['referer'] ?? '').not.toContain('token');
    });
  });

  test('a quantity that is changed again while the shop answers is what was chosen last', async () => {
    const page = await openPage();
    const [first, second] = await fillBag(page);
    const pressed = Promise.withResolvers<void>();
    await page.route('**/cart', async (route) => {
      if (route.request().method() === 'POST') await pressed.promise;
      await route.continue();
    });
    await page.goto(`${storefront.url}/cart`);
    await page.locator(`#q-${first}`).focus();
    for (let time = 0; time < 4; time += 1) await page.keyboard.press('ArrowUp');
    await page.locator(`#q-${second}`).focus();
    await page.keyboard.press('ArrowUp');
    pressed.resolve();
    await expect
      .poll(async () => (await bagOf(page)).slice(0, 2), { timeout: 10_000 })
      .toEqual([
        [first, 5],
        [second, 2],
      ]);
    await page.getByText('8 pieces').first().waitFor();
    expect(await page.locator(`#q-${first}`).inputValue()).toBe('5');
    expect(await page.locator(`#q-${second}`).inputValue()).toBe('2');
    expect(await focused(page)).toBe(`q-${second}`);
  });

  test('a guest buys with the keyboard alone', async () => {
    const page = await openPage({ viewport: { width: 1280, height: 900 } });
    await fillBag(page);
    await page.goto(`${storefront.url}/cart`);
    /** Presses Tab until the element has the focus. */
    const tabTo = async (isThere: string) => {
      for (let presses = 0; presses < 80; presses += 1) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(isThere)})`)) return;
      }
      throw new Error(`Tab never leads to ${isThere}`);
    };
    await tabTo('a[href="/checkout"]');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/checkout');
    for (const [field, text] of [
      ['#email', 'keys@example.com'],
      ['#name', 'K. Board'],
      ['#line1', '1 Key Lane'],
      ['#postalCode', '10115'],
      ['#city', 'Berlin'],
    ] as const) {
      await tabTo(field);
      await page.keyboard.type(text);
    }
    await tabTo('[name=payment]');
    await tabTo('button[type=submit].wide');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/orders/*');
    expect(await page.textContent('h1')).toBe('Thank you');
  });
});

describe.skipIf(!hasChromium)('the personal pages, staff’s too, in whatever state', () => {
  let personal: PersonalPages;
  beforeAll(async () => {
    personal = await preparePersonalPages(chromium, storefront);
  });

  interface View {
    width: number;
    colorScheme: 'light' | 'dark';
    textSize: string;
  }
  /** Checks pages in one view. @returns one line for each fault */
  function look({ width, colorScheme, textSize }: View) {
    const found: string[] = [];
    const open = async (storageState: BrowserContextOptions['storageState']) => {
      const context = { viewport: { width, height: 844 }, colorScheme, bypassCSP: true };
      const page = await openPage({ ...context, ...(storageState ? { storageState } : {}) });
      await bringAxe(page.context());
      return page;
    };
    const check = async (page: Page, state: string) => {
      await page.addStyleTag({ content: `html { font-size: ${textSize} }` });
      found.push(...(await findInBothSchemes(page, colorScheme)).map((fault) => `${state}: ${fault}`));
      const excess = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
      if (excess > 0) found.push(`${state}: ${excess} px wider than the window, ${await widest(page)}`);
    };
    const visit = async (page: Page, paths: string[]) => {
      for (const path of paths) {
        await page.goto(storefront.url + path);
        await check(page, path);
      }
      await page.context().close();
    };
    return { found, open, check, visit };
  }

  test('leave axe nothing to find and are no wider than the window, with text at 200 % on a phone', async () => {
    const { found, open, visit } = look({ width: 390, colorScheme: 'light', textSize: '200%' });
    await visit(await open(personal.shopper), personal.shopperPaths);
    await visit(await open(personal.staff), personal.staffPaths);
    const ofGuests = ['/cart', '/sign-in', '/sign-up', '/forgot-password', '/reset-password?token=x'];
    await visit(await open(undefined), [...ofGuests, '/orders/9']);
    expect(found).toEqual([]);
  }, 180_000);

  // test/storefront/pages.test.ts checks the pages in every view as they are when opened.
  test.each([
    { width: 390, colorScheme: 'light', textSize: '200%' },
    { width: 390, colorScheme: 'dark', textSize: '100%' },
    { width: 1280, colorScheme: 'light', textSize: '100%' },
  ] as const)(
    'leave axe nothing to find after what one does there: $width px, $colorScheme, text at $textSize',
    async (view) => {
      const { found, open, check } = look(view);
      const shopper = await open(personal.shopper);
      await shopper.goto(`${storefront.url}/cart`);
      await shopper.locator('[id^=remove-]').first().click();
      await shopper.locator('#removed').waitFor();
      await check(shopper, 'a removed line');
      await shopper.locator('#removed').click();
      await shopper.locator('#removed').waitFor({ state: 'detached' });
      await shopper.goto(`${storefront.url}/checkout`);
      await shopper.getByRole('button', { name: 'Buy now' }).click();
      await shopper.locator('[role=alert]').waitFor();
      await check(shopper, 'a checkout with faults');
      await shopper.context().close();

      const staff = await open(personal.staff);
      const product = personal.staffPaths.find((path) => path.startsWith('/staff/products/'));
      await staff.goto(storefront.url + product);
      await staff.fill('#price', 'dear');
      await staff.locator('[id^=stock-]').first().fill('-1');
      await staff.locator('main').getByRole('button', { name: 'Save' }).last().click();
      await staff.locator('[role=alert]').waitFor();
      await check(staff, 'a staff form with faults');
      await staff.context().close();
      expect(found).toEqual([]);
    },
    180_000,
  );
});
