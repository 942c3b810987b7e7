// The protocol's own code between two stores in small, under thousands of schedules of faults, losses and crossings.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { CartContents } from '../../../origin/cart/cart-contents.ts';
import { drainCart } from '../../../origin/cart/server/journal-drain.ts';
import type { NamedCart } from '../../../origin/cart/server/named-cart.ts';
import { viewCart } from '../../../origin/cart/server/view-cart.ts';
import { writeCart } from '../../../origin/cart/server/write-cart.ts';
import { pieces } from '../support/cart-world.ts';
import { type Answer, type Bug, type Model, openModel } from './model-stores.ts';

const answers = fc.array(fc.constantFrom<Answer>('ok', 'ok', 'ok', 'lost-before', 'lost-after'), {
  maxLength: 40,
});
const fault = fc.constantFrom(
  'none',
  'postgres-down',
  'postgres-up',
  'redis-down',
  'redis-up',
  'failover',
  'replica',
);
const quiet = fc.array(fc.constant('none' as const), { maxLength: 6 });
/** What double faults look like, far more often than chance would make it: both stores change hands around one operation. */
const bothStores = fc
  .tuple(quiet, quiet, quiet)
  .map(([a, b, c]) => [...a, 'postgres-down', ...b, 'failover', 'replica', ...c] as const);
const faults = fc.oneof(fc.array(fault, { maxLength: 14 }), bothStores);

interface Ledger {
  acknowledged: Set<string>;
  set: string[];
}

/** A browser: adds one piece of a line of its own each time, and sets one line to rising quantities. */
async function shop(
  model: Model,
  ledger: Ledger,
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
      const written = await writeCart(model.stores, cart, { opId: id, fingerprint: id, ...change }).catch(
        () => undefined,
      );
      if (written === undefined) continue;
      ledger.acknowledged.add(id);
      if (change.kind === 'add') own.push(id);
      cart.version = Math.max(cart.version, written.version);
      cart.journalled = written.journalled;
      if (!written.incomplete) showsOnce(written.contents, own);
    }
    if (change.kind === 'set' && !ledger.acknowledged.has(id)) return;
    if (change.kind === 'set') ledger.set = [String(step)];
  }
}

/** An answer that does not say `incomplete` shows whatever this browser added, and nothing twice. */
function showsOnce(contents: CartContents, own: string[]): void {
  const shown = pieces(contents);
  for (const id of own) expect(shown[id]).toBe(1);
  for (const [id, quantity] of Object.entries(shown)) if (id !== 'set') expect(quantity).toBe(1);
}

/** The worker: drains what it finds, is killed anywhere by a lost answer, and comes again. */
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
  if (what === 'failover' && model.redis.replica !== undefined) {
    model.redis.primary = model.redis.replica;
    model.redis.replica = undefined;
  }
}

/** Random answers, faults and interleavings; at the end everything acknowledged must be there once, in Postgres and in the view. */
export function losesNothing(bug?: Bug) {
  return fc.asyncProperty(fc.scheduler(), answers, faults, async (scheduler, given, planned) => {
    const left = [...given];
    const pause = () => scheduler.schedule(Promise.resolve());
    const model = openModel(pause, () => left.shift() ?? 'ok', bug);
    const ledger: Ledger = { acknowledged: new Set(), set: [] };
    const cart = (): NamedCart => ({
      cartId: 'c',
      version: 0,
      journalled: false,
      received: undefined,
      accountId: '1',
    });
    const actors = Promise.all([
      shop(model, ledger, 'a', true, cart()),
      shop(model, ledger, 'b', false, cart()),
      drain(model, pause),
      (async () => {
        for (const what of planned) {
          await pause();
          strike(model, what);
        }
      })(),
    ]);
    await scheduler.waitFor(actors);

    model.postgres.up = true;
    model.redis.up = true;
    left.length = 0;
    const journalled = { ...cart(), journalled: true };
    await scheduler.waitFor(
      writeCart(model.stores, journalled, {
        opId: 'last',
        fingerprint: 'last',
        kind: 'add',
        variantId: 'last',
        quantity: 1,
      }),
    );
    const seen = await scheduler.waitFor(viewCart(model.stores, journalled));
    for (const held of [pieces(model.postgres.contents), pieces(seen.contents)]) {
      for (const id of ledger.acknowledged) if (!isSet(id)) expect(held[id]).toBe(1);
      for (const [id, quantity] of Object.entries(held)) if (id !== 'set') expect(quantity).toBe(1);
      if (ledger.set.length > 0) expect(held['set']).toBeGreaterThanOrEqual(Number(ledger.set[0]));
    }
  });
}

function isSet(id: string): boolean {
  return id === 'a2' || id === 'a4';
}
