// Writes operations into the carts' journals while Postgres is away. Acknowledged only when so many replicas have them as configured, or,
// with none configured, when the one Redis keeps an append-only file.
import type { Redis } from 'ioredis';
import { unavailable } from '../../errors.ts';
import type { WaitingOperation } from '../decide-batch.ts';
import { appendOperations, copyKey, journalIndexKey, journalKey } from './copy-scripts.ts';
import type { StoreWatch } from './store-watch.ts';

export interface JournalAppend {
  cartId: string;
  operation: WaitingOperation;
  madeOn: number;
}

export interface Appended {
  /** `applied`: the copy has it, so Postgres has it. `reused`: the op id stands for another request. */
  outcome: 'journalled' | 'applied' | 'reused';
  /** The newest of the cart that Redis or the browser knew: what the browser does next comes after it. */
  version: number;
}

export interface CartJournal {
  /** @throws Refusal 503 where it is not known to be on enough nodes: the same op id again is safe. */
  append(entry: JournalAppend): Promise<Appended>;
}

interface Waiting {
  entry: JournalAppend;
  resolve: (appended: Appended) => void;
  reject: (error: unknown) => void;
}

const maxQueue = 2_000;
const maxBatch = 256;
export const waitMs = 700;

/**
 * @param redis a connection of its own, because WAIT blocks it. It must not send again what a broken connection left open: WAIT on a new
 *   connection, without a write before it, confirms nothing.
 */
export function createCartJournal(redis: Redis, replicas: number, watch: StoreWatch): CartJournal {
  const queue: Waiting[] = [];
  let running = false;

  const pump = async () => {
    if (running) return;
    running = true;
    while (queue.length > 0) {
      const batch = queue.splice(0, maxBatch);
      try {
        const answers = await appendAll(
          redis,
          replicas,
          batch.map((waiting) => waiting.entry),
        );
        for (const [index, waiting] of batch.entries()) waiting.resolve(answers[index]!);
      } catch (error) {
        if (!(error instanceof NotEnoughNodes)) watch.unanswered();
        const refusal = unavailable('The cart cannot be written safely at this moment; try again', error);
        for (const waiting of batch) waiting.reject(refusal);
      }
    }
    running = false;
  };

  return {
    append(entry) {
      if (watch.isAway() || queue.length >= maxQueue) {
        return Promise.reject(unavailable('The cart cannot be written at this moment; try again'));
      }
      return new Promise((resolve, reject) => {
        queue.push({ entry, resolve, reject });
        void pump();
      });
    },
  };
}

class NotEnoughNodes extends Error {
  override readonly name = 'NotEnoughNodes';
}

async function appendAll(redis: Redis, replicas: number, entries: JournalAppend[]): Promise<Appended[]> {
  const keys = entries.flatMap(({ cartId }) => [copyKey(cartId), journalKey(cartId)]);
  const values = entries.flatMap(({ cartId, operation, madeOn }) => [
    cartId,
    operation.opId,
    operation.fingerprint,
    madeOn,
    JSON.stringify(operation),
  ]);
  // EVAL with its text, never EVALSHA: a server that has just been restarted does not know the script.
  const commands = redis
    .pipeline()
    .eval(appendOperations, keys.length + 1, journalIndexKey, ...keys, replicas === 0 ? '1' : '0', ...values);
  if (replicas > 0) commands.wait(replicas, waitMs);
  const [appended, confirmed] = (await commands.exec()) ?? [];
  if (appended === undefined || appended[0] !== null)
    throw appended?.[0] ?? new Error('Redis did not answer');
  const answers = appended[1] as [Appended['outcome'], number][] | 'not-durable';
  if (answers === 'not-durable') {
    throw new NotEnoughNodes('Redis keeps no append-only file and has no replicas');
  }
  if (replicas > 0) {
    if (confirmed === undefined || confirmed[0] !== null)
      throw confirmed?.[0] ?? new Error('WAIT was not answered');
    if ((confirmed[1] as number) < replicas) {
      throw new NotEnoughNodes(`Only ${confirmed[1]} of ${replicas} replicas confirmed in ${waitMs} ms`);
    }
  }
  return answers.map(([outcome, version]) => ({ outcome, version }));
}
