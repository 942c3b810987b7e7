// Gathers the operations of concurrent requests into one batch per round, with a bounded queue and its own
// connections. An operation that cannot apply fails alone.
import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import { unavailable } from '../../errors.ts';
import { type Lineage, onlyLineage } from '../../invalidation/lineage-watch.ts';
import { isConnectionLost, isUnavailable, isWorthAnotherTry } from '../../postgres/postgres-errors.ts';
import type { CartContents } from '../cart-contents.ts';
import { type JournalledOperation, joinJournals } from '../replay-journal.ts';
import { type Applied, applyToCarts, type CartTask } from './apply-to-carts.ts';
import type { CopyUpdate } from './cart-copies.ts';
import type { RunSql } from './cart-statements.ts';
import type { StoreWatch } from './store-watch.ts';

export interface CartWriter {
  /**
   * Waits for the commit, up to `deadlineMs` by `performance.now()`, or until Postgres is known to be away. While
   * rounds go on to end, Postgres answers, and the wait is a little longer.
   * @throws PostgresSilent where the outcome is unknown; a task that was never sent will not be sent later.
   */
  apply(task: CartTask, deadlineMs: number): Promise<CommittedTask>;
  close(): Promise<void>;
}

export type CommittedTask =
  | (Extract<Applied, { kind: 'applied' }> & {
      /** What the journal still holds now that the copy knows; undefined where Redis does not answer. Never rejects. */
      left: Promise<JournalledOperation[] | undefined>;
    })
  | Extract<Applied, { kind: 'merged' }>;

/**
 * Brings the copies up to date. @returns what each cart's journal still holds; undefined where Redis does not answer.
 * Never rejects.
 */
export type Publish = (updates: CopyUpdate[]) => Promise<Map<string, JournalledOperation[]> | undefined>;

/** The write may or may not have happened: the same operation again is safe, another way as well. */
export class PostgresSilent extends Error {
  override readonly name = 'PostgresSilent';
}

interface Waiting {
  task: CartTask;
  /** Set once nobody waits for it any longer. */
  abandoned: boolean;
  tries: number;
  resolve: (written: CommittedTask) => void;
  reject: (error: unknown) => void;
}

const rememberedCarts = 5_000;
/** Of all of them: some 100 bytes each. */
const rememberedLines = 100_000;
const maxQueue = 2_000;
const maxBatch = 64;
const connections = 2;
/** For who only waits behind others: the journal would be one more queue, and a longer one. */
const extraWaitMs = 1_300;
const recheckMs = 100;
/** After a round has ended, Postgres is taken to answer for so long. */
const answeringMs = 500;
/** A round that takes longer makes the watch ask whether Postgres is still there. */
const slowRoundMs = 250;

export function createCartWriter(
  pool: pg.Pool,
  watch: StoreWatch,
  publish: Publish,
  lineage: Pick<Lineage, 'isRecent' | 'onChange'> = onlyLineage,
): CartWriter {
  const queue: Waiting[] = [];
  const busyCarts = new Set<string>();
  const memory = new LRUCache<string, CartContents>({
    max: rememberedCarts,
    maxSize: rememberedLines,
    sizeCalculation: ({ lines, directSets }) => 1 + lines.length + Object.keys(directSets).length,
  });
  lineage.onChange(() => memory.clear());
  let running = 0;
  let closed = false;
  let roundEndedMs = Number.NEGATIVE_INFINITY;

  const pump = () => {
    while (running < connections) {
      const batch = takeBatch(queue, busyCarts);
      if (batch.length === 0) return;
      running += 1;
      void runRound(batch).finally(() => {
        running -= 1;
        for (const waiting of batch) busyCarts.delete(waiting.task.cartId);
        pump();
      });
    }
  };

  const runRound = async (batch: Waiting[]) => {
    const slowRoundTimer = setTimeout(() => watch.unanswered(), slowRoundMs);
    let client: pg.PoolClient | undefined;
    let broken: Error | undefined;
    try {
      client = await pool.connect();
      await applyBatch(batch, runOn(client));
      roundEndedMs = performance.now();
    } catch (error) {
      broken = error as Error;
      watch.unanswered();
      for (const waiting of batch) {
        // A server that answers but cannot write (no disk, read only) is not worth waiting for.
        if (isConnectionLost(error)) enqueueAgain(waiting);
        else waiting.reject(new PostgresSilent('Postgres cannot write', { cause: error }));
      }
    } finally {
      clearTimeout(slowRoundTimer);
      // A client whose last query failed may still be at it: it never goes back.
      client?.release(broken);
    }
  };

  /** @throws only where Postgres does not serve. */
  const applyBatch = async (batch: Waiting[], run: RunSql): Promise<void> => {
    const tasks = gatherByCart(batch);
    try {
      const applied = await applyToCarts(
        run,
        [...tasks.values()].map(({ task }) => task),
        // After a pause of this process the same version may be that of another lineage.
        lineage.isRecent() ? memory : undefined,
      );
      // Not waited for here: the next round may begin while the copies learn of this one.
      const left = publish(applied.flatMap((one) => (one.kind === 'applied' ? [one.update] : [])));
      for (const [index, { members }] of [...tasks.values()].entries())
        answer(members, applied[index]!, left);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      if (batch.length > 1) {
        for (const waiting of batch) await applyBatch([waiting], run);
      } else if (isWorthAnotherTry(error)) {
        enqueueAgain(batch[0]!);
      } else {
        batch[0]!.reject(error);
      }
    }
  };

  const answer = (members: Waiting[], applied: Applied, left: ReturnType<Publish>) => {
    let offset = 0;
    for (const waiting of members) {
      const { length } = waiting.task.waiting;
      if (applied.kind === 'busy') enqueueAgain(waiting);
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
  };

  const enqueueAgain = (waiting: Waiting) => {
    if (waiting.abandoned || closed) return;
    const pauseMs = Math.min(5 * waiting.tries, 50);
    waiting.tries += 1;
    setTimeout(() => {
      queue.push(waiting);
      pump();
    }, pauseMs);
  };

  return {
    apply(task, deadlineMs) {
      if (watch.isAway()) return Promise.reject(new PostgresSilent('Postgres is away'));
      if (queue.length >= maxQueue) {
        return Promise.reject(unavailable('Too many cart writes wait at this moment; try again'));
      }
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { task, abandoned: false, tries: 0, resolve, reject };
        const giveUp = (why: string) => {
          waiting.abandoned = true;
          finish();
          reject(new PostgresSilent(why));
        };
        const checkDeadline = () => {
          const nowMs = performance.now();
          const isAnswering = nowMs - roundEndedMs < answeringMs && nowMs < deadlineMs + extraWaitMs;
          if (isAnswering) timer = setTimeout(checkDeadline, recheckMs);
          else giveUp('Postgres did not confirm in time');
        };
        let timer = setTimeout(checkDeadline, deadlineMs - performance.now());
        const stopWatching = watch.whenAway(() => giveUp('Postgres went away'));
        const finish = () => {
          clearTimeout(timer);
          stopWatching();
        };
        waiting.resolve = (written) => {
          finish();
          resolve(written);
        };
        waiting.reject = (error) => {
          finish();
          reject(error);
        };
        queue.push(waiting);
        pump();
      });
    },
    async close() {
      closed = true;
      await pool.end();
    },
  };
}

/** Takes what waits, but no cart that another connection is writing: it would only be found changed. */
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
      // Read from the same journal at two times: what the later reading lacks was applied between them.
      known.task.journal = joinJournals(known.task.journal, journal);
    }
  }
  return carts;
}

function runOn(client: pg.PoolClient): RunSql {
  return async (query) => (await client.query(query)).rows;
}
