// Runs the protocol's own code between two small model stores, under thousands of schedules of faults, losses and
// crossings.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { CartContents } from '../../../origin/cart/cart-contents.ts';
import type { WaitingOperation } from '../../../origin/cart/check-operation.ts';
import { drainCart } from '../../../origin/cart/server/journal-drain.ts';
import { handOverToJournal, journalAgain, replayHeld } from '../../../origin/cart/server/tend-held.ts';
import { type NamedCart, viewCart } from '../../../origin/cart/server/view-cart.ts';
import { writeCart } from '../../../origin/cart/server/write-cart.ts';
import { pieces } from '../support/cart-world.ts';
import {
  type Answer,
  type Bug,
  blankNode,
  type Model,
  type Origin,
  openModel,
  placeOrder,
} from './model-stores.ts';

const answers = fc.array(fc.constantFrom<Answer>('ok', 'ok', 'ok', 'lost-before', 'lost-after'), {
  maxLength: 40,
});
const storeFaults = [
  'postgres-down',
  'postgres-up',
  'redis-down',
  'redis-up',
  'failover',
  'replica',
] as const;
const quiet = fc.array(fc.constant('none' as const), { maxLength: 6 });
/** A double fault, generated far more often than chance would: both stores change while an operation is under way. */
const bothStores = fc
  .tuple(quiet, quiet, quiet)
  .map(([a, b, c]) => [...a, 'postgres-down', ...b, 'failover', 'replica', ...c] as const);
/**
 * Postgres is away while Redis is emptied, and Redis is emptied again while held operations are still on their way
 * back.
 */
const emptied = fc
  .tuple(quiet, quiet, quiet)
  .map(([a, b, c]) => [...a, 'postgres-down', ...b, 'empty', ...c, 'postgres-up', 'empty'] as const);
const upTo = (most: number, ...extra: string[]) =>
  fc.array(fc.constantFrom('none', ...storeFaults, ...extra), { maxLength: most });

/** Each schedule must be survived. Redis is emptied or an origin is lost, but not both at once. */
const schedules = fc.oneof(
  upTo(14).map((faults) => ({ faults, orders: false })),
  bothStores.map((faults) => ({ faults: [...faults], orders: false })),
  fc.oneof(upTo(14, 'empty', 'empty'), emptied).map((faults) => ({ faults: [...faults], orders: false })),
  upTo(10, 'empty').map((faults) => ({ faults, orders: true })),
  fc.tuple(upTo(6), upTo(8)).map(([a, b]) => ({ faults: [...a, 'lose-origin', ...b], orders: false })),
  fc
    .tuple(quiet, quiet)
    .map(([a, b]) => ({ faults: ['postgres-down', ...a, 'none', 'lose-origin', ...b], orders: false })),
  fc.tuple(upTo(5, 'empty'), quiet).map(([a, b]) => ({
    faults: [...a, 'redis-up', 'replica', 'empty', 'stop-origin', ...b],
    orders: false,
  })),
);

interface Ledger {
  acknowledged: Set<string>;
  set: string[];
}

interface Shop {
  model: Model;
  ledger: Ledger;
  pause: () => Promise<void>;
}

/** Simulates a browser: each step adds one piece of a line of its own, or sets one line to a rising quantity. */
async function shop(
  { model, ledger, pause }: Shop,
  name: string,
  sets: boolean,
  cart: NamedCart,
): Promise<void> {
  const own: string[] = [];
  for (let step = 1; step <= 4; step += 1) {
    const id = `${name}${step}`;
    const add = { kind: 'add' as const, variantId: id, quantity: 1 };
    const change = sets && step % 2 === 0 ? { kind: 'set' as const, variantId: 'set', quantity: step } : add;
    for (let attempt = 0; attempt < 3 && !ledger.acknowledged.has(id); attempt += 1) {
      // The origins take turns, as behind a load balancer.
      const operation = { opId: id, fingerprint: id, ...change };
      const written = await send(model, step + attempt, cart, operation);
      if (written === undefined) {
        await pause();
        continue;
      }
      ledger.acknowledged.add(id);
      if (change.kind === 'add') own.push(id);
      cart.version = Math.max(cart.version, written.version);
      cart.journalled = written.journalled;
      cart.awaits = written.journalled ? written.awaits : undefined;
      if (!written.incomplete) showsOnce(model, written.contents, own);
    }
    if (change.kind === 'set' && !ledger.acknowledged.has(id)) return;
    if (change.kind === 'set') ledger.set = [String(step)];
  }
}

/** @returns undefined where there was no answer */
async function send(model: Model, turn: number, cart: NamedCart, operation: WaitingOperation) {
  const living = model.origins.filter(({ alive }) => alive);
  const origin = living[turn % living.length]!;
  origin.busy += 1;
  const written = await writeCart(origin.stores, cart, operation).catch(() => undefined);
  origin.busy -= 1;
  return origin.alive || origin.stopping ? written : undefined;
}

/** What an origin does besides requests: it replays held operations, and writes them again into an emptied Redis. */
async function tend(model: Model, origin: Origin, pause: () => Promise<void>): Promise<void> {
  for (let round = 0; round < 4 && origin.alive; round += 1) {
    await pause();
    await tendOnce(model, origin);
  }
}

async function tendOnce(model: Model, { stores }: Origin): Promise<void> {
  await journalAgain(stores).catch(() => undefined);
  if (!model.postgres.up) return;
  for (const cartId of stores.held.carts()) await replayHeld(stores, cartId).catch(() => undefined);
}

/** Stops an origin: it takes no new requests, finishes the running ones, and hands over its held operations. */
async function stop(model: Model, origin: Origin, pause: () => Promise<void>, bug?: Bug): Promise<void> {
  origin.stopping = true;
  origin.alive = false;
  while (origin.busy > 0) await pause();
  if (bug !== 'not-handed-over') {
    await tendOnce(model, origin);
    for (let round = 0; round < 9; round += 1) if ((await handOverToJournal(origin.stores)) === 0) break;
  }
  forget(origin);
}

/** The process's memory is lost with it. */
function forget({ stores }: Origin): void {
  for (const { cartId, operation } of stores.held.all()) stores.held.release(cartId, [operation.opId]);
  stores.held.hold = () => undefined;
}

/** A view that is not `incomplete` shows all that this browser added, and nothing twice. */
function showsOnce({ postgres: { ordered } }: Model, contents: CartContents, own: string[]): void {
  const shown = pieces(contents);
  for (const id of own) if (ordered[id] === undefined) expect(shown[id]).toBe(1);
  for (const [id, quantity] of Object.entries(shown)) if (id !== 'set') expect(quantity).toBe(1);
}

/** Simulates the worker: it drains journals, may be killed anywhere by a lost answer, and tries again. */
async function drain(model: Model, pause: () => Promise<void>): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    await pause();
    const report = { carts: 0, operations: 0, left: 0 };
    await drainCart(model.stores.copies, model.stores.read, 'c', report).catch(() => undefined);
  }
}

export function strike(model: Model, what: string): void {
  if (what === 'postgres-down') model.postgres.up = false;
  if (what === 'postgres-up') model.postgres.up = true;
  if (what === 'redis-down') model.redis.up = false;
  if (what === 'redis-up') model.redis.up = true;
  if (what === 'replica') model.redis.replica ??= structuredClone(model.redis.primary);
  if (what === 'empty') {
    model.redis.primary = blankNode();
    model.redis.replica &&= blankNode();
  }
  if (what === 'lose-origin') {
    model.origins[0]!.alive = false;
    forget(model.origins[0]!);
  }
  if (what === 'failover' && model.redis.replica !== undefined) {
    model.redis.process += 1;
    model.redis.primary = model.redis.replica;
    model.redis.replica = undefined;
  }
}

/**
 * Runs random answers, faults and interleavings. At the end everything acknowledged must be in Postgres and in the
 * view, once.
 */
export function losesNothing(bug?: Bug) {
  return fc.asyncProperty(
    fc.scheduler(),
    answers,
    schedules,
    async (scheduler, given, { faults, orders }) => {
      const left = [...given];
      const pause = () => scheduler.schedule(Promise.resolve());
      const model = openModel(pause, () => left.shift() ?? 'ok', bug);
      const ledger: Ledger = { acknowledged: new Set(), set: [] };
      const shared = { model, ledger, pause };
      const cart = (): NamedCart => ({
        cartId: 'c',
        version: 0,
        journalled: false,
        received: undefined,
        accountId: '1',
      });
      const actors = Promise.all([
        shop(shared, 'a', !orders, cart()),
        shop(shared, 'b', false, { ...cart(), accountId: undefined }),
        drain(model, pause),
        ...model.origins.map((origin) => tend(model, origin, pause)),
        (async () => {
          for (const what of faults) {
            await pause();
            if (what === 'stop-origin') await stop(model, model.origins[0]!, pause, bug);
            else strike(model, what);
          }
        })(),
        (async () => {
          for (let round = 0; orders && round < 3; round += 1) {
            for (let turn = 0; turn < 4; turn += 1) await pause();
            const journalled = { ...cart(), journalled: true };
            const origin = model.origins[round % 2]!;
            await placeOrder({ model, origin, cart: journalled, pause, bug }).catch(() => undefined);
          }
        })(),
      ]);
      await scheduler.waitFor(actors);

      for (const what of ['postgres-up', 'redis-up', 'replica']) strike(model, what);
      left.length = 0;
      for (const origin of model.origins) if (origin.alive) await scheduler.waitFor(tendOnce(model, origin));
      // An origin may have waited for an operation that another origin holds.
      for (const origin of model.origins) if (origin.alive) await scheduler.waitFor(tendOnce(model, origin));
      const journalled = { ...cart(), journalled: true };
      const { stores } = model.origins[1]!;
      const last = {
        opId: 'last',
        fingerprint: 'last',
        kind: 'add' as const,
        variantId: 'last',
        quantity: 1,
      };
      await scheduler.waitFor(writeCart(stores, journalled, last));
      const seen = await scheduler.waitFor(viewCart(stores, journalled));
      const { ordered, contents } = model.postgres;
      for (const held of [pieces(contents), pieces(seen.contents)]) {
        for (const id of ledger.acknowledged)
          if (!isSet(id)) expect((held[id] ?? 0) + (ordered[id] ?? 0)).toBe(1);
        for (const [id, quantity] of Object.entries(held)) if (id !== 'set') expect(quantity).toBe(1);
        if (ledger.set.length > 0) expect(held['set']).toBeGreaterThanOrEqual(Number(ledger.set[0]));
      }
      for (const origin of model.origins) if (origin.alive) expect(origin.stores.held.count()).toBe(0);
    },
  );
}

function isSet(id: string): boolean {
  return id === 'a2' || id === 'a4';
}
