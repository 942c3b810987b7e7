// Browsing deeds: pages, lists and searches without JavaScript.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { expectStatus, type ShopPage } from '../browser/page.ts';
import type { ShopLife } from '../life.ts';
import { typedPlainly } from '../product-files/life-products.ts';
import { askProduct, pickHandle } from './products.ts';

/** Home, a department, its next page and filter, a product. */
export async function browse(life: ShopLife, random: SeededRandom): Promise<void> {
  const browser = life.browser();
  const home = expectStatus(await browser.open('/'), 200);
  const department = expectStatus(await browser.open(random.pick(departmentsOf(home))), 200);
  const next = department.links('a[rel="next"]')[0];
  if (next !== undefined) expectStatus(await browser.open(next), 200);
  const filter = department.findForm({ action: department.path.split('?')[0]!, has: '[name="size"]' });
  if (filter !== undefined) expectStatus(await browser.submit(filter), 200);
  const products = productsOf(department);
  if (products.length > 0) {
    const { status, path } = await browser.open(random.pick(products));
    // It may have been archived since the list was shown.
    if (status !== 200 && status !== 404 && status !== 410) throw new Error(`${path} was answered ${status}`);
  }
  life.record.count('browses home, department and product');
}

/** @param how what is typed of what is looked for */
export async function search(life: ShopLife, random: SeededRandom): Promise<void> {
  const browser = life.browser();
  const product = await askProduct(browser, await pickHandle(life, random, browser));
  if (product === undefined) return;
  const ways = {
    'searches by exact title': product.name,
    'searches by title as typed': typedPlainly(product.name),
    'searches by SKU': random.pick(product.variants).sku,
    'searches with a slip': withSlip(product.name, random),
  };
  const [way, typed] = random.pick(Object.entries(ways));
  await searchFor(life, typed);
  life.record.count(way);
}

/** By the page's own field; what is proposed instead is looked at. */
export async function searchFor(life: ShopLife, typed: string): Promise<void> {
  const browser = life.browser();
  const start = await browser.open('/');
  const found = expectStatus(await browser.submit(start.form({ action: '/search' }), { q: typed }), 200);
  await followSuggestions(life, found, typed);
}

async function followSuggestions(life: ShopLife, page: ShopPage, asked: string): Promise<void> {
  for (const { href, suggested } of suggestionsOn(page)) {
    const shown = await life.browser().open(href);
    life.record.count('follows “did you mean”');
    life.record.suggestions.push({ asked, suggested, found: productsOf(shown).length });
  }
}

/** Links that stand beside the words "did you mean", wherever the page puts them. */
function suggestionsOn(page: ShopPage): { href: string; suggested: string }[] {
  return page.root
    .querySelectorAll('main a[href]')
    .filter((link) => /did you mean/i.test(link.parentNode?.textContent ?? ''))
    .map((link) => ({ href: link.getAttribute('href')!, suggested: link.textContent.trim() }))
    .filter(({ href }) => href.startsWith('/search'));
}

function departmentsOf(page: ShopPage): string[] {
  return [...new Set(page.links().filter((href) => /^\/c\/[^?]+$/.test(href)))];
}

export function productsOf(page: ShopPage): string[] {
  return [...new Set(page.links('main a').filter((href) => /^\/p\/[^?]+/.test(href)))];
}

/** In the longest word, a letter is left out, doubled, swapped or another one. */
export function withSlip(title: string, random: SeededRandom): string {
  const words = typedPlainly(title).split(' ');
  const longest = words.reduce((best, word) => (word.length > best.length ? word : best), '');
  const letters = [...longest];
  if (letters.length < 5) return words.join(' ');
  const at = random.integer(1, letters.length - 3);
  const [letter, next] = [letters[at]!, letters[at + 1]!];
  const slips = [[next], [letter, letter, next], [next, letter], ['q', next]];
  letters.splice(at, 2, ...random.pick(slips));
  return words.map((word) => (word === longest ? letters.join('') : word)).join(' ');
}
