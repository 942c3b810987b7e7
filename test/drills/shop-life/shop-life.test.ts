// A shop lives for two days and every law holds. A planted bug for each law is found, because a law must be able to
// fail.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasChromium } from '../../../ops-scripts/drills/chromium.ts';
import { judgeNow } from '../../../ops-scripts/drills/shop-life/laws/law.ts';
import { ShopLife } from '../../../ops-scripts/drills/shop-life/life.ts';
import { startLifeShop } from '../../../ops-scripts/drills/shop-life/shop/local-shop.ts';
import { startMailServer } from '../../../ops-scripts/drills/shop-life/shop/mail-server.ts';
import { type Lived, laws, liveDays, settingsOf } from '../../../ops-scripts/drills/shop-life/shop-life.ts';
import { startStripeServer } from '../../../ops-scripts/drills/stripe-server.ts';
import { seededRandom } from '../../../ops-scripts/traffic/seeded-random.ts';
import { plantedBugs } from './planted-bugs.ts';

const seed = Number(process.env['PROPERTY_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const never = new AbortController().signal;
const standing = new AsyncDisposableStack();
let lived: Lived;

beforeAll(async () => {
  const mail = standing.use(await startMailServer());
  const stripe = standing.use(await startStripeServer());
  const shop = standing.use(await startLifeShop(settingsOf({ mail, stripe }), never));
  const life = new ShopLife(shop, { mail, stripe }, seededRandom(seed).fork('shop-life'));
  lived = await liveDays(life, { days: 2, stopping: never, progress: () => undefined });
}, 600_000);

afterAll(() => standing.disposeAsync());

test.each(laws.map(({ name }) => name))('After two days in the shop the law %s holds', (name) => {
  const found = lived.breaches.filter(({ law }) => law === name).map(({ sentence }) => sentence);
  expect(found, `Repeat: npm run drill -- shop-life --days 2 --seed ${seed}`).toEqual([]);
});

test('Two days in the shop hold every kind of deed', () => {
  const deeds = [...lived.life.record.deeds.keys()].join('\n');
  for (const kind of [
    /^browses/m,
    /^searches/m,
    /^buys as guest by form/m,
    /^buys as guest by API/m,
    /^buys as account/m,
    ...(hasChromium ? [/^buys as guest with the script/m] : []),
    /: stripe, paid$/m,
    /: stripe, paid, no webhook$/m,
    /: stripe, paid, webhooks in disorder$/m,
    /: stripe, left open$/m,
    /: stripe, closed$/m,
    /^signs up/m,
    /^changes a price/m,
    /^sets a stock/m,
    /^imports a full product file/m,
    /^imports a file of/m,
    /^clicks a link in a mail/m,
    /^makes a promotion/m,
    /^buys with a code/m,
    /^changes what delivery costs/m,
    /^(holds a sale|ends a sale|sets a price in a sale|calls a sale)/m,
    /^changes stock in bulk by API key/m,
    /^buys at once with others/m,
    /^withdraws from an order/m,
    /^reads an invoice/m,
    /^ships/m,
    /^cancels an order/m,
    /started again$/m,
  ])
    expect(deeds).toMatch(kind);
});

test('Every law has a planted bug', () => {
  expect([...new Set(plantedBugs.map(({ law }) => law))].sort()).toEqual(laws.map(({ name }) => name).sort());
});

test.each(plantedBugs)('The law $law finds it where $bug', { timeout: 60_000 }, async ({ law, plant }) => {
  const { life } = lived;
  const meant = laws.find(({ name }) => name === law)!;
  const before = await judgeNow(meant, life);
  const undo = await plant(life);
  try {
    const found = (await judgeNow(meant, life)).filter((sentence) => !before.includes(sentence));
    expect(found).not.toEqual([]);
  } finally {
    await undo();
  }
});
