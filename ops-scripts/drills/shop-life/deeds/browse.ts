// Browses without JavaScript: pages, lists and searches, and every link.
// Also chooses a product and a variant.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Browser } from '../browser/browser.ts';
import { expectStatus, type ShopPage } from '../browser/page.ts';
import type { OpenedLink, ShopLife } from '../life.ts';
import { handlePrefix, oddPieces, typedPlainly } from '../product-files/life-products.ts';
import { type Copy, readMail } from '../shop/mail-server.ts';

/** Opens the home page, a department, its next page and a filter, and a product. */
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
    // The product may have been archived since the list was shown.
    if (status !== 200 && status !== 404 && status !== 410) throw new Error(`${path} was answered ${status}`);
  }
  life.record.count('browses home, department and product');
}

/** @param how makes what is typed from what is sought */
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

/** Searches with the page's own field, and opens the suggestions. */
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

/** Links beside the words "did you mean", anywhere on the page. */
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

function productsOf(page: ShopPage): string[] {
  return [...new Set(page.links('main a').filter((href) => /^\/p\/[^?]+/.test(href)))];
}

/** In the longest word, one letter is left out, doubled, swapped or replaced. */
function withSlip(title: string, random: SeededRandom): string {
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

// Mail deeds: opens every link of every mail once, in a browser without cookies.

const opened = new WeakSet<Copy>();

export async function openNewMails(life: ShopLife): Promise<void> {
  for (const copy of life.mailServer.copies.filter((found) => !opened.has(found))) {
    opened.add(copy);
    await openLinks(life, copy);
  }
}

/** People may still open a mail that is weeks old. */
export async function openOldMail(life: ShopLife, random: SeededRandom): Promise<void> {
  const orders = life.mailServer.copies.filter(({ message }) => message.includes('/orders/'));
  if (orders.length > 0) await openLinks(life, random.pick(orders));
}

async function openLinks(life: ShopLife, copy: Copy): Promise<void> {
  const { subject, text, links } = readMail(copy.message);
  for (const link of links) {
    const fault = await openLink(life, copy, text, link).catch((error: Error) => ({
      status: 0,
      fault: error.message,
    }));
    life.record.openedLinks.push({ link, to: copy.to, subject, ...fault });
    life.record.count('clicks a link in a mail');
  }
}

async function openLink(
  life: ShopLife,
  { to }: Copy,
  text: string,
  link: string,
): Promise<Pick<OpenedLink, 'status' | 'fault'>> {
  const browser = life.browser();
  let page = await browser.open(link);
  const { pathname } = new URL(link);
  if (!pathname.startsWith('/orders/')) return judge(page, page.status === 200 ? undefined : page.text);
  const order = life.record.orders.find(({ id }) => pathname === `/orders/${id}`);
  if (order === undefined) return judge(page, `it is the link to an order that nobody placed: ${pathname}`);
  const form = page.findForm({ action: '/sign-in', has: '[name="password"]' });
  // A signed-out owner has to sign in and then sees the order. A guest has no account to sign in to.
  if (form !== undefined && order.account !== undefined)
    page = await browser.submit(form, { email: order.account.email, password: order.account.password });
  if (page.status !== 200 || !page.text.includes(order.number))
    return judge(page, `it does not show order ${order.number} but ${page.path}: ${page.text.slice(0, 120)}`);
  if (to.toLowerCase() !== order.email.toLowerCase())
    return judge(page, `order ${order.number} of ${order.email} was written of to ${to}`);
  return judge(
    page,
    text.includes(order.number) ? undefined : `the mail does not name order ${order.number}`,
  );
}

function judge({ status }: ShopPage, fault: string | undefined): Pick<OpenedLink, 'status' | 'fault'> {
  return { status, fault };
}

interface Money {
  amount: number;
  currency: string;
}

export interface ShownVariant {
  id: string;
  sku: string;
  size: string;
  color: string;
  price: Money;
  available: number;
}

export interface ShownProduct {
  id: string;
  slug: string;
  name: string;
  description: string;
  price: Money;
  variants: ShownVariant[];
}

interface Summary {
  id: string;
  slug: string;
  name: string;
  category: string;
}

export interface ShownProductList {
  items: Summary[];
  nextCursor: string | null;
}

/**
 * Picks one of the drill's own products, with all their unusual characters, half of the time. @returns a handle that
 * the drill did not hide
 */
export async function pickHandle(life: ShopLife, random: SeededRandom, browser: Browser): Promise<string> {
  const own = `${handlePrefix}${random.integer(1, oddPieces.length)}`;
  if (random.next() < 0.6 && !life.record.hidden.has(own)) return own;
  const { items: categories } = (await browser.ask<{ items: { slug: string }[] }>('GET', '/api/categories'))
    .body;
  const query = new URLSearchParams({ category: random.pick(categories).slug, limit: '50' });
  const { items } = (await browser.ask<ShownProductList>('GET', `/api/products?${query}`)).body;
  const seen = items.filter(({ slug }) => !life.record.hidden.has(slug));
  return seen.length === 0 ? own : random.pick(seen).slug;
}

/** @returns undefined if it was archived meanwhile */
export async function askProduct(browser: Browser, handle: string): Promise<ShownProduct | undefined> {
  const { status, body } = await browser.ask<ShownProduct>(
    'GET',
    `/api/products/${encodeURIComponent(handle)}`,
  );
  return status === 200 ? body : undefined;
}

/** Reads all pages of the list. */
export async function askWholeList(browser: Browser, query: Record<string, string>): Promise<Summary[]> {
  const all: Summary[] = [];
  let cursor: string | null = null;
  do {
    const more: Record<string, string> = cursor === null ? {} : { cursor };
    const search = new URLSearchParams({ ...query, ...more, limit: '100' });
    const { status, body } = await browser.ask<ShownProductList>('GET', `/api/products?${search}`);
    if (status !== 200) throw new Error(`Cannot list ${search} as it was answered ${status}`);
    all.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return all;
}
