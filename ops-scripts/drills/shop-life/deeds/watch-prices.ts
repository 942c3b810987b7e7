// Reads a product's price in every place that shows it, again and again, while staff begin and end its sales.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { ShopLife, WatchedPrice, WatchedSale } from '../life.ts';
import type { ShownProduct } from './browse.ts';

/** A page or API answer that shows the price: its address, and how to read the price from it. */
interface Door {
  name: string;
  url: string;
  /** Milliseconds between two requests; default 400. */
  pauseMs?: number;
  headers?: Record<string, string>;
  /** @returns undefined if the answer does not show the product */
  read(text: string): Pick<WatchedPrice, 'price' | 'was'> | undefined;
}

const usualPauseMs = 400;
const requestMs = 10_000;

/**
 * @param bag the cookies of a guest who has the product's first variant in the bag
 * @returns a function that ends the watching, after every address was asked once more
 */
export async function watchPrices(
  life: ShopLife,
  sale: WatchedSale,
  { product, bag }: { product: ShownProduct; bag: string | undefined },
): Promise<() => Promise<void>> {
  const ending = new AbortController();
  const doors = [
    ...doorsOf(life, product),
    ...(await feedOf(life, product)),
    ...(bag === undefined ? [] : [bagOf(life, bag)]),
  ];
  const watching = doors.map((door) => watchDoor(life, sale, door, ending.signal));
  return async () => {
    ending.abort();
    await Promise.all(watching);
  };
}

async function watchDoor(life: ShopLife, sale: WatchedSale, door: Door, ending: AbortSignal): Promise<void> {
  for (let isLast = false; ; isLast = ending.aborted) {
    const sentMs = Date.now();
    // During a store outage nothing is asked, because each refusal would write a line to the log.
    const answer = life.outages.ofStore(sentMs) === undefined ? await ask(life, door) : undefined;
    const seen = answer === undefined ? undefined : door.read(answer.text);
    if (seen !== undefined)
      sale.seen.push({ door: door.name, from: answer!.from, sentMs, receivedMs: Date.now(), ...seen });
    if (isLast) return;
    await delay(door.pauseMs ?? usualPauseMs);
  }
}

/** A missing answer counts as nothing seen. Shoppers' deeds judge whether it may be missing. */
async function ask(life: ShopLife, { url, headers = {} }: Door): Promise<DoorAnswer | undefined> {
  try {
    if (life.fetch === fetch) return await getText(url, headers);
    const answer = await life.fetch(url, { headers, signal: AbortSignal.timeout(requestMs) });
    const from = answer.headers.get('cache-status') ?? '';
    return answer.status === 200 ? { text: await answer.text(), from } : undefined;
  } catch {
    return undefined;
  }
}

interface DoorAnswer {
  text: string;
  from: string;
}

/** Node's `fetch` ends the process if a server dies while a large answer waits to be read. */
async function getText(url: string, headers: Record<string, string>): Promise<DoorAnswer | undefined> {
  const signal = AbortSignal.timeout(requestMs);
  const [answer] = (await once(get(url, { headers, signal }), 'response')) as [IncomingMessage];
  const read = await text(answer);
  return answer.statusCode === 200
    ? { text: read, from: String(answer.headers['cache-status'] ?? '') }
    : undefined;
}

function doorsOf({ shop }: ShopLife, { slug, variants }: ShownProduct): Door[] {
  const address = encodeURIComponent(slug);
  const bySku = new URLSearchParams({ q: variants[0]!.sku });
  const far = shop.edgeUrl ?? shop.url;
  const onPage = (page: string) => readPrice(page, /<p class="price">€/);
  const inJson = (answer: string) => moneyOf(JSON.parse(answer) as Priced);
  return [
    { name: 'the API', url: `${shop.url}/api/products/${address}`, read: inJson },
    { name: 'the page', url: `${shop.url}/p/${address}`, read: onPage },
    { name: 'the API at the edge', url: `${far}/api/products/${address}`, read: inJson },
    { name: 'the page at the edge', url: `${far}/p/${address}`, read: onPage },
    {
      name: 'the list',
      url: `${shop.url}/api/products?${bySku}`,
      read(answer) {
        const { items } = JSON.parse(answer) as { items: (Priced & { slug: string })[] };
        const item = items.find((one) => one.slug === slug);
        return item && moneyOf(item);
      },
    },
    {
      name: 'the search at the edge',
      url: `${far}/search?${bySku}`,
      read: (page) => readPrice(page, new RegExp(`"/p/${address}[?"].*?<p class="price">€`, 's')),
    },
  ];
}

const mostFeedPages = 20;

/** Finds the page of the feed that has the product. @returns nothing if there is none */
async function feedOf(life: ShopLife, { variants }: ShownProduct): Promise<Door[]> {
  const read = (feed: string) => readFeed(feed, variants[0]!.id);
  for (let page = 1; page <= mostFeedPages; page += 1) {
    const door = {
      name: 'the feed',
      url: `${life.shop.url}/feeds/products.xml?page=${page}`,
      pauseMs: 600,
      read,
    };
    const answer = await ask(life, door);
    if (answer === undefined) return [];
    if (read(answer.text) !== undefined) return [door];
  }
  return [];
}

function bagOf({ shop }: ShopLife, cookie: string): Door {
  return {
    name: 'the bag',
    url: `${shop.url}/api/cart`,
    headers: { cookie },
    read(answer) {
      const [line] = (JSON.parse(answer) as { lines: { unitPrice: Amount }[] }).lines;
      return line && { price: line.unitPrice.amount };
    },
  };
}

interface Amount {
  amount: number;
}

interface Priced {
  price: Amount;
  was?: Amount;
}

function moneyOf({ price, was }: Priced): { price: number; was: number | null } {
  return { price: price.amount, was: was?.amount ?? null };
}

/** @param before matches up to the currency sign before the price */
function readPrice(text: string, before: RegExp): { price: number; was: number | null } | undefined {
  const found = before.exec(text);
  if (found === null) return undefined;
  const rest = text.slice(found.index + found[0].length, text.indexOf('</p>', found.index + found[0].length));
  const price = minorOf(/^[\d,]+\.\d\d/.exec(rest)?.[0]);
  const was = minorOf(/€([\d,]+\.\d\d)<\/s>/.exec(rest)?.[1]);
  return price === null ? undefined : { price, was };
}

function minorOf(text: string | undefined): number | null {
  return text === undefined ? null : Math.round(Number(text.replaceAll(',', '')) * 100);
}

/** In the feed, `price` is the regular price and `sale_price` is today's price. */
function readFeed(text: string, variantId: string): { price: number; was: number | null } | undefined {
  const item = text.split('<item>').find((one) => one.startsWith(`<g:id>${variantId}<`));
  const amountIn = (member: string) => minorOf(new RegExp(`<g:${member}>([\\d.]+) `).exec(item ?? '')?.[1]);
  const [price, sale] = [amountIn('price'), amountIn('sale_price')];
  if (price === null) return undefined;
  return sale === null ? { price, was: null } : { price: sale, was: price };
}
