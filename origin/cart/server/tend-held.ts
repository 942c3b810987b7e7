// Sends held operations to Postgres as soon as it answers, and hands them over when this origin stops.
// Writes them into the journal again when Redis lost it.
import { setTimeout as delay } from 'node:timers/promises';
import { joinJournals } from '../decide-batch.ts';
import type { RunSql } from './cart-statements.ts';
import type { CartWriter } from './cart-writer.ts';
import { type HeldOperation, type HeldOperations, mustWaitForOthers } from './held-operations.ts';
import type { CartJournal } from './journal.ts';
import { followMerged } from './journal-drain.ts';
import { type Publishing, publishCommit } from './publish-copies.ts';
import type { StoreWatch } from './store-watch.ts';

export interface HeldStores extends Publishing {
  held: HeldOperations;
  postgres: Pick<StoreWatch, 'isAway'>;
  writer: Pick<CartWriter, 'apply'>;
  journal: CartJournal;
  /** A pool that may write. It applies late operations of a merged guest cart to the account's cart. */
  write: RunSql;
}

const lookEveryMs = 100;
/** How many carts one origin replays at once. A backlog must leave room for shoppers' own writes. */
const replaysAtOnce = 32;
/** Longer than any commit takes. A later replay finds out what became of it. */
const replayWaitMs = 10_000;
/** Pauses after a replay that failed, and after one that must wait for other origins' operations. */
const failedRestMs = 1_000;
const waitingRestMs = 100;
/** With many held operations, Redis is asked less often whether it lost some, but at least each second. */
const looksThroughAMs = 10;
const longestLookMs = 1_000;
/** As many as one round of the journal takes, so that shoppers' own operations still get in. */
const appendsAtOnce = 256;
/** While Redis is silent, a replay waits so long for operations that it follows and that another origin may hold. */
const silentRedisMs = 30_000;

/**
 * Sends a cart's held operations to Postgres together with its journal, in order and by their acknowledged ids. The
 * writer releases what is committed, also what another process committed.
 * @returns false where it must wait for operations that other origins hold
 * @throws PostgresSilent where the outcome is not known
 */
export async function replayHeld(stores: HeldStores, cartId: string): Promise<boolean> {
  const inRedis = await stores.copies.read(cartId);
  const held = stores.held.of(cartId).map(({ operation }) => operation);
  const journal = joinJournals(inRedis?.journal ?? [], held);
  const known = inRedis ?? { copy: undefined, refilling: isRecent(stores.held, cartId) };
  if (await mustWaitForOthers(stores.read, cartId, known, journal)) return false;
  const applied = await stores.writer.apply(
    { cartId, journal, waiting: [] },
    performance.now() + replayWaitMs,
  );
  if (applied.kind === 'applied') return true;
  const { version, into } = applied;
  const updates = await followMerged(stores.write, {
    guestCartId: cartId,
    guestVersion: version,
    into,
    journal,
  });
  if (updates !== undefined) await publishCommit(stores, updates);
  return true;
}

/**
 * While Redis is silent, only recent operations wait for other origins. An origin that is gone would be awaited
 * forever.
 */
function isRecent(held: HeldOperations, cartId: string): boolean {
  return held.of(cartId).some(({ sinceMs }) => performance.now() - sinceMs < silentRedisMs);
}

/**
 * Writes held operations into the journal again where it may have lost them: Redis was emptied, or another server
 * process answers. What fails is tried again later.
 * @throws where Redis does not answer
 */
export async function journalAgain(stores: Pick<HeldStores, 'held' | 'journal'>): Promise<void> {
  const all = stores.held.all();
  const homes = await stores.journal.homesOf(all.map(({ cartId }) => cartId));
  const moved = all.filter(({ home }, index) => homes[index] !== undefined && homes[index] !== home);
  await appendAllAgain(stores, moved);
}

/** @returns how many the journal did not take; one failing server does not affect the others */
async function appendAllAgain(
  stores: Pick<HeldStores, 'held' | 'journal'>,
  all: HeldOperation[],
): Promise<number> {
  let left = 0;
  const count = () => {
    left += 1;
  };
  for (let from = 0; from < all.length; from += appendsAtOnce)
    await Promise.all(
      all.slice(from, from + appendsAtOnce).map((held) => appendAgain(stores, held).catch(count)),
    );
  return left;
}

async function appendAgain(
  { held, journal }: Pick<HeldStores, 'held' | 'journal'>,
  { cartId, operation }: HeldOperation,
): Promise<void> {
  const { sequence, madeOn, ...change } = operation;
  const again = { sequence };
  const appended = await journal.append({ cartId, operation: change, madeOn, again });
  // Skips an operation that was released meanwhile. An `applied` one stays held, because its replay must still
  // confirm it.
  if (held.of(cartId).some((one) => one.operation.opId === operation.opId))
    held.hold(cartId, { ...change, madeOn }, { ...appended, sequence, madeOn });
}

export interface HeldTender {
  /**
   * Waits until the held operations are committed. Those that are not go into the journal, on the configured number
   * of nodes.
   * @returns how many operations may be lost, because no store confirmed them
   */
  handOver(withinMs: number): Promise<number>;
  close(): void;
}

export function tendHeld(stores: HeldStores, onError: (error: unknown) => void): HeldTender {
  const { held, postgres } = stores;
  const replaying = new Set<string>();
  const restUntilMs = new Map<string, number>();
  let nextLookMs = 0;
  let closed = false;

  const replay = async (cartId: string) => {
    replaying.add(cartId);
    try {
      if (!(await replayHeld(stores, cartId))) restUntilMs.set(cartId, performance.now() + waitingRestMs);
    } catch (error) {
      restUntilMs.set(cartId, performance.now() + failedRestMs);
      onError(error);
    } finally {
      replaying.delete(cartId);
      startReplays();
    }
  };
  const startReplays = () => {
    for (const cartId of held.carts()) {
      if (closed || postgres.isAway() || replaying.size >= replaysAtOnce) return;
      const rests = performance.now() < (restUntilMs.get(cartId) ?? 0);
      if (!rests && !replaying.has(cartId)) void replay(cartId);
    }
  };
  const journalWhatMoved = async () => {
    nextLookMs = Number.POSITIVE_INFINITY;
    await journalAgain(stores).catch(onError);
    nextLookMs = performance.now() + Math.min(held.count() / looksThroughAMs, longestLookMs);
  };
  const look = () => {
    if (held.count() === 0) return restUntilMs.clear();
    if (performance.now() >= nextLookMs) void journalWhatMoved();
    startReplays();
  };
  const timer = setInterval(look, lookEveryMs).unref();

  return {
    async handOver(withinMs) {
      const beganMs = performance.now();
      const leftMs = () => beganMs + withinMs - performance.now();
      look();
      while (held.count() > 0 && leftMs() > 0) {
        if (postgres.isAway() || leftMs() < withinMs / 2) {
          const late = delay(leftMs()).then(() => held.count());
          if ((await Promise.race([handOverToJournal(stores), late])) === 0) return 0;
        }
        await delay(20);
      }
      return held.count();
    },
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}

/** Appends all again, so that the nodes confirm that they have them now. @returns how many the journal did not take */
export function handOverToJournal(stores: Pick<HeldStores, 'held' | 'journal'>): Promise<number> {
  return appendAllAgain(stores, stores.held.all());
}
