// States the laws of prices: a sale begins and ends everywhere at once, and a "was" is lawful.
// The history of each price has no gaps.
import type { ShopLife, WatchedPrice, WatchedSale } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';

/** Law: every page and API answer shows the price of that moment, with the sale's earlier price beside it. */
export const pricesTurnAtOnce = defineLaw<WatchedSale[]>({
  name: 'prices-turn-at-once',
  gather: async ({ record }) => record.watchedSales,
  judge: (sales) => sales.flatMap(judgeSale),
});

function judgeSale({ handle, course, prices, seen }: WatchedSale): string[] {
  const found = seen.flatMap((one) => {
    const wrong = judgeSeen(prices, one);
    if (wrong === undefined) return [];
    const { door, from, price, sentMs } = one;
    return [`${door} (${from}) showed ${price} for ${handle} at ${new Date(sentMs).toISOString()}${wrong}`];
  });
  const windows = prices.map(({ price, fromMs, untilMs }) => `${price} ${tell(fromMs)}–${tell(untilMs)}`);
  const more = found.length === 1 ? '' : ` and ${found.length - 1} more`;
  return found.length === 0 ? [] : [`${found[0]}${more}; staff ${course}: ${windows.join(', ')}`];
}

/** @returns what is wrong, or undefined */
function judgeSeen(
  prices: WatchedSale['prices'],
  { price, was, sentMs, receivedMs }: WatchedPrice,
): string | undefined {
  const possible = prices.filter(({ fromMs, untilMs }) => fromMs <= receivedMs && untilMs >= sentMs);
  const meant = possible.filter((one) => one.price === price);
  if (meant.length === 0) return `, which cost ${possible.map((one) => one.price).join(' or ')}`;
  // If the deed broke off, the sale's "was" is not known, and any is right.
  const isRight = meant.some(
    (one) => (one.sale !== undefined && one.was === undefined) || (one.was ?? null) === was,
  );
  if (was === undefined || isRight) return undefined;
  return ` with a "was" of ${was}, not ${meant.map((one) => one.was ?? 'none').join(' or ')}`;
}

function tell(atMs: number): string {
  if (atMs === 0) return '';
  return atMs === Number.POSITIVE_INFINITY ? '' : new Date(atMs).toISOString().slice(14, 23);
}

interface PriceSpan {
  amount: number;
  /** Milliseconds since 1970; null if it began before the history. */
  since: number | null;
  /** Null for the current price. */
  until: number | null;
}

interface ProductPrices {
  handle: string;
  /** The "was" that is shown beside the current price. */
  was: number | null;
  price: number;
  variants: { sku: string; spans: PriceSpan[] }[];
}

async function readPrices({ shop }: ShopLife): Promise<ProductPrices[]> {
  const rows = await askPostgres<
    Omit<ProductPrices, 'variants'> & { sku: string; now: number; ended: PriceSpan[] }
  >(
    shop,
    `select p.slug as handle, p.was_amount as was, p.price_amount as price, v.sku, v.price_amount as now,
       (select coalesce(json_agg(json_build_object('amount', h.amount,
          'since', extract(epoch from h.since)::float8 * 1000, 'until', extract(epoch from h.until)::float8 * 1000)
          order by h.until, h.since), '[]') from variant_prices h where h.variant_id = v.id) as ended
     from products p join variants v on v.product_id = p.id where v.archived_at is null order by p.id, v.id`,
  );
  const byHandle = new Map<string, ProductPrices>();
  for (const { handle, was, price, sku, now, ended } of rows) {
    const product = byHandle.get(handle) ?? { handle, was, price, variants: [] };
    byHandle.set(handle, product);
    const spans = [...ended, { amount: now, since: ended.at(-1)?.until ?? null, until: null }];
    product.variants.push({ sku, spans });
  }
  return [...byHandle.values()];
}

/**
 * Law: a "was" is the lowest price of the 30 days before the reduction, and appears only beside a lower price.
 * Source: Directive 98/6/EC, Article 6a.
 */
interface WasSeen {
  products: ProductPrices[];
  sales: WatchedSale[];
}

export const wasIsLawful = defineLaw<WasSeen>({
  name: 'was-is-lawful',
  gather: async (life) => ({ products: await readPrices(life), sales: life.record.watchedSales }),
  judge({ products, sales }) {
    const byHandle = new Map(products.map((product) => [product.handle, product]));
    const shown = products
      .filter(({ was, price }) => was !== null && was > price)
      .flatMap((product) =>
        judgeWas(product, product.was, { price: product.price, atMs: lastTurn(product) }),
      );
    const held = sales.flatMap(({ handle, prices }) =>
      prices.flatMap(({ was, price, begunAtMs }) => {
        const product = byHandle.get(handle);
        // A sale that was left over night began on another day and was judged then.
        if (was === undefined || begunAtMs === undefined || product === undefined) return [];
        return judgeWas(product, was, { price, atMs: begunAtMs });
      }),
    );
    return [...shown, ...held];
  },
});

/** Milliseconds within which the variants of one change get their new price. */
const oneChangeMs = 50;

/** When the last change of the product's price began. */
function lastTurn({ variants }: ProductPrices): number {
  const begins = variants.map(({ spans }) => spans.at(-1)!.since ?? Number.NEGATIVE_INFINITY);
  const last = Math.max(...begins);
  return Math.min(...begins.filter((since) => since >= last - oneChangeMs));
}

const thirtyDaysMs = 30 * 86_400_000;

function judgeWas(
  { handle, variants }: ProductPrices,
  was: number | null,
  { price, atMs }: { price: number; atMs: number },
): string[] {
  const before = variants
    .flatMap(({ spans }) => spans)
    .filter(
      ({ since, until }) =>
        (since ?? Number.NEGATIVE_INFINITY) < atMs &&
        (until ?? Number.POSITIVE_INFINITY) > atMs - thirtyDaysMs,
    );
  const lowest = Math.min(...before.map(({ amount }) => amount));
  const right = lowest > price ? lowest : null;
  return was === right
    ? []
    : [`${handle} for ${price} has a "was" of ${was ?? 'none'}; the lowest price of 30 days was ${lowest}`];
}

/** Law: the prices of a variant follow each other without gap or overlap, and include every price that was shown. */
export const priceHistoryIsWhole = defineLaw<WasSeen>({
  name: 'price-history-is-whole',
  gather: wasIsLawful.gather,
  judge: ({ products, sales }) => [
    ...products.flatMap(({ handle, variants }) =>
      variants.flatMap(({ sku, spans }) => judgeSpans(`${sku} of ${handle}`, spans)),
    ),
    ...sales.flatMap(({ handle, seen }) => {
      const product = products.find((one) => one.handle === handle);
      const kept = new Set(product?.variants.flatMap(({ spans }) => spans.map(({ amount }) => amount)));
      return [...new Set(seen.map(({ price }) => price))]
        .filter((price) => !kept.has(price))
        .map((price) => `${handle} was shown for ${price}, which its history does not know`);
    }),
  ],
});

function judgeSpans(what: string, spans: PriceSpan[]): string[] {
  return spans.slice(0, -1).flatMap(({ amount, since, until }, at) => {
    const next = spans[at + 1]!;
    if (since !== null && until! <= since) return [`${what} cost ${amount} until before it began`];
    if (next.since === until) return [];
    return [`${what} cost ${amount} until ${until}, and ${next.amount} from ${next.since}`];
  });
}
