// Buys in Chromium with the shop's own script: adds without leaving the page, changes the quantity, checks out.
import type { Page } from 'playwright-core';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { launchChromium } from '../../chromium.ts';
import { makeMailbox, pickAddress } from '../browser/addresses.ts';
import { BrokenPromise, expectThat } from '../browser/page.ts';
import type { RecordedOrder, ShopLife } from '../life.ts';
import { chooseVariant, shownTotal } from './buy.ts';

const patienceMs = 20_000;

/** @param width of the window in pixels */
export async function buyWithScript(life: ShopLife, random: SeededRandom, width: number): Promise<void> {
  const chosen = await chooseVariant(life, random, life.browser());
  if (chosen === undefined) return;
  const chromium = await launchChromium();
  try {
    // Browsers store `Secure` cookies of http://localhost, but not of 127.0.0.1.
    const url = life.shop.url.replace('127.0.0.1', 'localhost');
    const page = await chromium.newPage({ baseURL: url, viewport: { width, height: 900 } });
    page.setDefaultTimeout(patienceMs);
    const faults: string[] = [];
    page.on('pageerror', ({ message }) => faults.push(message));
    page.on('console', (line) => {
      // Errors of pictures on other people's servers do not count.
      const isOurs = line.location().url.startsWith(url);
      if (line.type() === 'error' && isOurs) faults.push(line.text());
    });
    await add(page, chosen);
    life.record.orders.push(await checkOut(life, random, page, chosen.variant.id));
    expectThat(faults.length === 0, `The shop's script failed in the browser: ${faults.join('; ')}`);
    life.record.count('buys as guest with the script: demo, paid');
  } finally {
    await chromium.close();
  }
}

type Chosen = NonNullable<Awaited<ReturnType<typeof chooseVariant>>>;

async function add(page: Page, { handle, variant }: Chosen): Promise<void> {
  const path = `/p/${encodeURIComponent(handle)}`;
  await page.goto(`${path}?${new URLSearchParams({ color: variant.color })}`);
  const choice = page.locator(`main input[name="variantId"][value="${variant.id}"]`);
  if ((await choice.getAttribute('type')) === 'radio') await choice.check({ force: true });
  await page.getByRole('button', { name: 'Add to bag' }).click();
  await page.locator('.added a').waitFor();
  expectThat(new URL(page.url()).pathname === path, `Adding left the page of ${handle} for ${page.url()}`);
  const count = await page.textContent('[data-count-here]');
  expectThat(count === '1', `One piece was added, and the bag says ${count}`);
}

async function checkOut(
  life: ShopLife,
  random: SeededRandom,
  page: Page,
  variantId: string,
): Promise<RecordedOrder> {
  const { email } = makeMailbox(life, random);
  const address = pickAddress(random);
  await page.goto('/checkout');
  await page.selectOption('[name="country"]', address.country);
  for (const [name, value] of Object.entries({ email, ...address }))
    if (name !== 'country') await page.fill(`main [name="${name}"]`, value);
  await page.check('main input[value="demo:paid"]');
  const totalShown = shownTotal({ text: (await page.textContent('main'))! });
  await life.till.shared(async () => {
    await page.getByRole('button', { name: 'Buy now' }).click();
    await page.waitForURL('**/orders/*');
  });
  const id = new URL(page.url()).pathname.split('/').at(-1)!;
  const number = /MC-[A-Z0-9]{5}-[A-Z0-9]{5}/.exec((await page.textContent('main'))!)?.[0];
  if (number === undefined) throw new BrokenPromise(`The page of order ${id} does not name it`);
  const lines = [{ variantId, quantity: 1 }];
  return { id, number, email, account: undefined, provider: 'demo', outcome: 'paid', totalShown, lines };
}
