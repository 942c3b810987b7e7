// Runs one simulated day, its deeds in an order chosen by the seed, several shoppers at once.
// Also runs the night, in which all becomes a day older.
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import { hasChromium } from '../chromium.ts';
import {
  changePassword,
  lookAtOrders,
  rename,
  resetPassword,
  signInOnNewDevice,
  signOut,
  signUp,
} from './deeds/account.ts';
import {
  cancel,
  deliver,
  payBack,
  sendBack,
  ship,
  takeMoneyAtDoor,
  withdraw,
} from './deeds/after-purchase.ts';
import { browse, openOldMail, search } from './deeds/browse.ts';
import { buyAsGuest, buySignedIn, payments } from './deeds/buy.ts';
import { buyWithScript } from './deeds/buy-with-script.ts';
import { archive, bringBack, exportOnly, importSomeColumns } from './deeds/files.ts';
import { makePromotion, rushForCode } from './deeds/promotions.ts';
import { holdSale } from './deeds/sales.ts';
import { changeDelivery, readInvoice } from './deeds/selling.ts';
import { changePrice, changeStockByKey, changeText, setStock } from './deeds/staff.ts';
import type { ShopLife, ShopperAccount } from './life.ts';
import { askPostgres, type PartName } from './shop/living-shop.ts';

interface DeedOfDay {
  name: string;
  run(life: ShopLife, random: SeededRandom): Promise<unknown>;
}

const peopleAtOnce = 5;

/** Plans all deeds of each day anew, in another order and for other people. */
function planDay(life: ShopLife, random: SeededRandom): DeedOfDay[] {
  const { day, shop } = life;
  const paymentOf = (turn: number) => payments[(turn + day) % payments.length]!;
  // Two parts restart each day, so that two days include all four.
  const restarted = [0, 1].map((turn) => shop.parts[(2 * day + turn) % shop.parts.length]!);
  const deeds: DeedOfDay[] = [
    ...times(3, () => ({ name: 'browse', run: browse })),
    ...times(8, () => ({ name: 'search', run: search })),
    ...times(8, (turn) => ({
      name: 'buy as a guest',
      run: (own: ShopLife, choices: SeededRandom) => buyAsGuest(own, choices, paymentOf(turn)),
    })),
    ...times(2, () => ({ name: 'sign up', run: signUp })),
    ...times(4, (turn) => ({
      name: 'buy signed in',
      run: withAccount((own, choices, account) => buySignedIn(own, choices, paymentOf(turn), account)),
    })),
    { name: 'sign in on another device', run: withAccount(signInOnNewDevice) },
    { name: 'change the name', run: withAccount(rename) },
    { name: 'change the password', run: withAccount(changePassword) },
    { name: 'reset the password', run: withAccount(resetPassword) },
    { name: 'sign out', run: withAccount((own, _, account) => signOut(own, account)) },
    ...times(2, () => ({ name: 'look at the own orders', run: withAccount(lookAtOrders) })),
    { name: 'open an old mail', run: openOldMail },
    ...times(3, () => ({ name: 'change a price', run: changePrice })),
    ...times(2, () => ({ name: 'change a text', run: changeText })),
    ...times(2, () => ({ name: 'set a stock', run: setStock })),
    ...times(2, () => ({ name: 'import some columns', run: importSomeColumns })),
    ...times(2, () => ({ name: 'hold a sale', run: holdSale })),
    { name: 'change stock by key', run: changeStockByKey },
    { name: 'make a promotion', run: makePromotion },
    { name: 'use one code at once', run: rushForCode },
    { name: 'change what delivery costs', run: changeDelivery },
    ...times(3, () => ({ name: 'read an invoice', run: readInvoice })),
    ...times(5, () => ({ name: 'ship an order', run: ship })),
    ...times(3, () => ({ name: 'note a delivery', run: deliver })),
    ...times(2, () => ({ name: 'take money at the door', run: takeMoneyAtDoor })),
    ...times(2, () => ({ name: 'cancel an order', run: cancel })),
    ...times(2, () => ({ name: 'pay back', run: payBack })),
    ...times(3, () => ({ name: 'send back', run: sendBack })),
    { name: 'withdraw', run: withdraw },
    { name: 'archive a product', run: archive },
    ...(day % 2 === 0 ? [{ name: 'bring a product back', run: bringBack }] : []),
    ...(day % 3 === 0 ? [{ name: 'export the catalog', run: exportOnly }] : []),
    ...restarted.map((part) => ({
      name: `restart ${part}`,
      run: (own: ShopLife, choices: SeededRandom) => restartPart(own, choices, part),
    })),
  ];
  return shuffle(deeds, random);
}

/** A quiet day has this many deeds, which change each day. A browser with the script comes once in so many days. */
const quietDeeds = 18;
const quietScriptDays = 15;
const quietRestartDays = 3;

function planQuietDay(life: ShopLife, random: SeededRandom): DeedOfDay[] {
  const isRestart = ({ name }: DeedOfDay) => name.startsWith('restart ');
  const all = planDay(life, random);
  const restarts = life.day % quietRestartDays === 0 ? all.filter(isRestart).slice(0, 1) : [];
  return [...all.filter((deed) => !isRestart(deed)).slice(0, quietDeeds), ...restarts];
}

/** @returns when all is done, or as soon as `stopping` is aborted */
export async function liveDay(life: ShopLife, random: SeededRandom, stopping: AbortSignal): Promise<void> {
  const plan = life.pace === 'quiet' ? planQuietDay : planDay;
  const waiting = plan(life, random.fork('plan')).map((deed, turn) => ({ deed, turn }));
  const actNext = async () => {
    for (let next = waiting.shift(); next !== undefined && !stopping.aborted; next = waiting.shift())
      await act(life, next.deed, random.fork(`${next.deed.name} ${next.turn}`));
  };
  await Promise.all(Array.from({ length: peopleAtOnce }, actNext));
  if (!hasChromium || stopping.aborted) return;
  if (life.pace === 'quiet' && life.day % quietScriptDays !== 0) return;
  // Runs when no part is restarting, because a browser does not press a button again by itself.
  for (const width of [390, 1_280])
    await act(
      life,
      { name: 'buy with the script', run: (own, choices) => buyWithScript(own, choices, width) },
      random.fork(`script ${width}`),
    );
}

/** Runs a deed. A broken promise is recorded, and the day goes on. */
export async function act(life: ShopLife, { name, run }: DeedOfDay, random: SeededRandom): Promise<void> {
  try {
    await run(life, random);
  } catch (error) {
    life.record.brokenPromises.push(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Runs a deed with an existing or new account. Each account does one thing at a time. */
function withAccount(
  run: (life: ShopLife, random: SeededRandom, account: ShopperAccount) => Promise<unknown>,
): DeedOfDay['run'] {
  return async (life, random) => {
    const known = life.record.accounts;
    const account =
      known.length === 0 || random.next() < 0.1 ? await signUp(life, random) : random.pick(known);
    await account.lock.alone(() => run(life, random, account));
  };
}

function times(count: number, make: (turn: number) => DeedOfDay): DeedOfDay[] {
  return Array.from({ length: count }, (_, turn) => make(turn));
}

function shuffle<T>(items: T[], random: SeededRandom): T[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = random.integer(0, last);
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}

/** Stops or kills a part, which is then started again. */
async function restartPart(life: ShopLife, random: SeededRandom, part: PartName): Promise<void> {
  const signal = random.pick(['SIGTERM', 'SIGKILL'] as const);
  await life.outages.during(part, () => life.shop.restart(part, signal));
  life.record.count(`${part} is ${signal === 'SIGKILL' ? 'killed' : 'told to stop'} and started again`);
}

interface Aged {
  table: string;
  columns: string[];
  /** Selects only rows that have ended. Work that is still to come happens by the clock. */
  where?: string;
}

const aged: Aged[] = [
  { table: 'variant_prices', columns: ['since', 'until'] },
  { table: 'product_sales', columns: ['starts_at'], where: "state = 'running'" },
  { table: 'product_sales', columns: ['starts_at', 'ends_at', 'ended_at'], where: "state = 'ended'" },
  { table: 'orders', columns: ['placed_at'] },
  { table: 'order_events', columns: ['at'] },
  { table: 'shipments', columns: ['shipped_at', 'delivered_at'] },
  { table: 'door_payments', columns: ['taken_at'] },
  { table: 'refunds', columns: ['at', 'done_at'], where: "status = 'done'" },
  { table: 'returns', columns: ['requested_at', 'closed_at'] },
  { table: 'invoices', columns: ['issued_at', 'taxed_at'] },
  { table: 'credit_notes', columns: ['issued_at', 'taxed_at'] },
  { table: 'withdrawals', columns: ['declared_at'] },
  { table: 'shop_events', columns: ['at'] },
  { table: 'outbox', columns: ['committed_at', 'due_at', 'done_at'], where: "state = 'done'" },
  { table: 'job_attempts', columns: ['started_at', 'ended_at'] },
  { table: 'job_subjects', columns: ['written_at'] },
  { table: 'idempotency_keys', columns: ['created_at'] },
  { table: 'cart_operations', columns: ['created_at'] },
];

/**
 * The night of a life: everything becomes a day older in the store, so that months end, returns expire and
 * old rows go. Nobody shops meanwhile, but the worker goes on.
 */
export async function passNight({ shop }: Pick<ShopLife, 'shop'>): Promise<void> {
  for (const { table, columns, where } of aged) {
    const earlier = columns.map((column) => `${column} = ${column} - interval '1 day'`).join(', ');
    // Two statements in one query are one transaction. It writes no shop events for other systems.
    const change = `update ${table} set ${earlier}${where === undefined ? '' : ` where ${where}`}`;
    await askPostgres(shop, `set local myclothes.events = 'off'; ${change}`);
  }
}
