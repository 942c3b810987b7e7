// Gathers the operations of concurrent requests into one batch per round.
// It has a bounded queue and connections of its own. An operation that cannot apply fails alone.
import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import { unavailable } from '../../errors.ts';
import { type Lineage, onlyLineage } from '../../invalidation/lineage-watch.ts';
import { isConnectionLost, isUnavailable, isWorthAnotherTry } from '../../postgres/postgres-errors.ts';
import type { CartContents } from '../cart-contents.ts';
import { type JournalledOperation, joinJournals } from '../decide-batch.ts';
import { type Applied, applyToCarts, type CartTask } from './apply-to-carts.ts';
import type { CopyUpdate } from './cart-copies.ts';
import type { RunSql } from './cart-statements.ts';
import type { StoreWatch } from './store-watch.ts';

export interface CartWriter {
  /**
   * Waits for the commit until `deadlineMs` of `performance.now()`, or until Postgres is known to be away. While
   * rounds still complete, Postgres is alive, and the wait is a little longer.
   * @throws PostgresSilent where the outcome is unknown; a task that was never sent will not be sent later
   */
  apply(task: CartTask, deadlineMs: number): Promise<CommittedTask>;
  close(): Promise<void>;
}

export type CommittedTask =
  | (Extract<Applied, { kind: 'applied' }> & {
      /**
       * What the journal still holds after the copy was updated; undefined where Redis does not answer. Never
       * rejects.
       */
      left: Promise<JournalledOperation[] | undefined>;
    })
  | Extract<Applied, { kind: 'merged' }>;

/**
 * Updates the copies. @returns what each cart's journal still holds; undefined where Redis does not answer. Never
 * rejects.
 */
export type Publish = (updates: CopyUpdate[]) => Promise<Map<string, JournalledOperation[]> | undefined>;

/** The write may or may not have happened. The same operation may safely be sent again, also on another way. */
export class PostgresSilent extends Error {
  override readonly name = 'PostgresSilent';
}

interface Waiting {
  task: CartTask;
  /** True once no caller waits for it. */
  abandoned: boolean;
  tries: number;
  resolve: (written: CommittedTask) => void;
  reject: (error: unknown) => void;
}

const rememberedCarts = 5_000;
/** A bound for all remembered carts together; a line takes about 100 bytes. */
const rememberedLines = 100_000;
const maxQueue = 2_000;
const maxBatch = 64;
const connections = 2;
/** An operation that only waits behind others gets so much longer. The journal would be a second and longer queue. */
const extraWaitMs = 1_300;
const recheckMs = 100;
/** For so long after a completed round, Postgres is assumed to be answering. */
const answeringMs = 500;
/** A round that takes longer makes the watch ask whether Postgres is still there. */
const slowRoundMs = 250;

interface CartWriterParts {
  pool: pg.Pool;
  watch: StoreWatch;
  publish: Publish;
  lineage?: Pick<Lineage, 'isRecent' | 'onChange'>;
}

export function createCartWriter(parts: CartWriterParts): CartWriter {
  return new BatchedCartWriter(parts);
}

class BatchedCartWriter implements CartWriter {
  readonly #pool: pg.Pool;
  readonly #watch: StoreWatch;
  readonly #publish: Publish;
  readonly #lineage: Pick<Lineage, 'isRecent' | 'onChange'>;
  readonly #queue: Waiting[] = [];
  readonly #busyCarts = new Set<string>();
  readonly #memory = new LRUCache<string, CartContents>({
    max: rememberedCarts,
    maxSize: rememberedLines,
    sizeCalculation: ({ lines, directSets }) => 1 + lines.length + Object.keys(directSets).length,
  });
  #running = 0;
  #closed = false;
  #roundEndedMs = Number.NEGATIVE_INFINITY;

  constructor({ pool, watch, publish, lineage = onlyLineage }: CartWriterParts) {
    this.#pool = pool;
    this.#watch = watch;
    this.#publish = publish;
    this.#lineage = lineage;
    lineage.onChange(() => this.#memory.clear());
  }

  apply(task: CartTask, deadlineMs: number): Promise<CommittedTask> {
    if (this.#watch.isAway()) return Promise.reject(new PostgresSilent('Postgres is away'));
    if (this.#queue.length >= maxQueue)
      return Promise.reject(unavailable('Too many cart writes wait at this moment; try again'));
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { task, abandoned: false, tries: 0, resolve, reject };
      const stopWaiting = this.#watchOver(waiting, deadlineMs);
      waiting.resolve = (written) => {
        stopWaiting();
        resolve(written);
      };
      waiting.reject = (error) => {
        stopWaiting();
        reject(error);
      };
      this.#queue.push(waiting);
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.end();
  }

  /** Rejects the waiting task at its deadline, or once Postgres is away. @returns a function that ends the watch */
  #watchOver(waiting: Waiting, deadlineMs: number): () => void {
    const giveUp = (why: string) => {
      waiting.abandoned = true;
      waiting.reject(new PostgresSilent(why));
    };
    const checkDeadline = () => {
      const nowMs = performance.now();
      const isAnswering = nowMs - this.#roundEndedMs < answeringMs && nowMs < deadlineMs + extraWaitMs;
      if (isAnswering) timer = setTimeout(checkDeadline, recheckMs);
      else giveUp('Postgres did not confirm in time');
    };
    let timer = setTimeout(checkDeadline, deadlineMs - performance.now());
    const stopWatching = this.#watch.whenAway(() => giveUp('Postgres went away'));
    return () => {
      clearTimeout(timer);
      stopWatching();
    };
  }

  #pump(): void {
    while (this.#running < connections) {
      const batch = takeBatch(this.#queue, this.#busyCarts);
      if (batch.length === 0) return;
      this.#running += 1;
      void this.#runRound(batch).finally(() => {
        this.#running -= 1;
        for (const waiting of batch) this.#busyCarts.delete(waiting.task.cartId);
        this.#pump();
      });
    }
  }

  async #runRound(batch: Waiting[]): Promise<void> {
    const slowRoundTimer = setTimeout(() => this.#watch.unanswered(), slowRoundMs);
    let client: pg.PoolClient | undefined;
    let broken: Error | undefined;
    try {
      client = await this.#pool.connect();
      await this.#applyBatch(batch, runOn(client));
      this.#roundEndedMs = performance.now();
    } catch (error) {
      broken = error as Error;
      this.#watch.unanswered();
      for (const waiting of batch) {
        // The server answers but cannot write (disk full, read-only), so waiting for it does not help.
        if (isConnectionLost(error)) this.#enqueueAgain(waiting);
        else waiting.reject(new PostgresSilent('Postgres cannot write', { cause: error }));
      }
    } finally {
      clearTimeout(slowRoundTimer);
      // A client whose last query failed may still be running it, so it does not go back to the pool.
      client?.release(broken);
    }
  }

  /** @throws only where Postgres does not serve */
  async #applyBatch(batch: Waiting[], run: RunSql): Promise<void> {
    const tasks = gatherByCart(batch);
    try {
      const applied = await applyToCarts(
        run,
        [...tasks.values()].map(({ task }) => task),
        // After a pause of this process, a version in memory may be that of another lineage.
        this.#lineage.isRecent() ? this.#memory : undefined,
      );
      // Not awaited: the next round may begin while the copies are being updated.
      const left = this.#publish(applied.flatMap((one) => (one.kind === 'applied' ? [one.update] : [])));
      for (const [index, { members }] of [...tasks.values()].entries())
        this.#answer(members, applied[index]!, left);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      if (batch.length > 1) {
        for (const waiting of batch) await this.#applyBatch([waiting], run);
      } else if (isWorthAnotherTry(error)) {
        this.#enqueueAgain(batch[0]!);
      } else {
        batch[0]!.reject(error);
      }
    }
  }

  #answer(members: Waiting[], applied: Applied, left: ReturnType<Publish>): void {
    let offset = 0;
    for (const waiting of members) {
      const { length } = waiting.task.waiting;
      if (applied.kind === 'busy') this.#enqueueAgain(waiting);
      else if (applied.kind === 'merged') waiting.resolve(applied);
      else {
        waiting.resolve({
          ...applied,
          outcomes: applied.outcomes.slice(offset, offset + length),
          left: left.then((journals) => journals?.get(applied.update.cartId)),
        });
      }
      offset += length;
    }
  }

  #enqueueAgain(waiting: Waiting): void {
    if (waiting.abandoned || this.#closed) return;
    const pauseMs = Math.min(5 * waiting.tries, 50);
    waiting.tries += 1;
    setTimeout(() => {
      this.#queue.push(waiting);
      this.#pump();
    }, pauseMs);
  }
}

/**
 * Takes waiting tasks, except for carts that another connection is writing. Their versions would not match any more.
 */
function takeBatch(queue: Waiting[], busyCarts: Set<string>): Waiting[] {
  const batch: Waiting[] = [];
  const left: Waiting[] = [];
  for (const waiting of queue) {
    if (waiting.abandoned) continue;
    if (batch.length < maxBatch && !busyCarts.has(waiting.task.cartId)) batch.push(waiting);
    else left.push(waiting);
  }
  for (const waiting of batch) busyCarts.add(waiting.task.cartId);
  queue.splice(0, queue.length, ...left);
  return batch;
}

function gatherByCart(batch: Waiting[]): Map<string, { task: CartTask; members: Waiting[] }> {
  const carts = new Map<string, { task: CartTask; members: Waiting[] }>();
  for (const waiting of batch) {
    const { cartId, journal } = waiting.task;
    const known = carts.get(cartId);
    if (known === undefined) {
      carts.set(cartId, {
        task: { cartId, journal, waiting: [...waiting.task.waiting] },
        members: [waiting],
      });
    } else {
      known.members.push(waiting);
      known.task.waiting.push(...waiting.task.waiting);
      // Both readings are of one journal at two times. What the later one lacks was applied in between.
      known.task.journal = joinJournals(known.task.journal, journal);
    }
  }
  return carts;
}

function runOn(client: pg.PoolClient): RunSql {
  return async (query) => (await client.query(query)).rows;
}
