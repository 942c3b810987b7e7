// Appends operations to the carts' journals in Redis while Postgres is away. Acknowledged only when the configured
// number of replicas has them or, with no replicas configured, when the one Redis keeps an append-only file.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { unavailable } from '../../errors.ts';
import type { RedisClient } from '../../redis/connect.ts';
import { groupByPrimary } from '../../redis/servers.ts';
import type { WaitingOperation } from '../check-operation.ts';
import { copyKey, journalIndexKey, journalKey } from './cart-keys.ts';
import { type AppendArgument, appendOperations } from './copy-scripts.ts';
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
 * @param redis a connection of its own, because WAIT blocks it. It must not send again what a broken connection left
 * open: WAIT on a new connection, without a write before it, confirms nothing.
 */
export function createCartJournal(redis: RedisClient, replicas: number, watch: StoreWatch): CartJournal {
  const queue: Waiting[] = [];
  let running = false;

  const appendGroup = async (server: Redis | undefined, group: Waiting[]) => {
    try {
      const entries = group.map((waiting) => waiting.entry);
      const answers = await appendTo(server, replicas, entries);
      for (const [index, waiting] of group.entries()) waiting.resolve(answers[index]!);
    } catch (error) {
      if (!(error instanceof NotEnoughNodes)) watch.unanswered();
      const refusal = unavailable('The cart cannot be written safely at this moment; try again', error);
      for (const waiting of group) waiting.reject(refusal);
    }
  };

  const pump = async () => {
    if (running) return;
    running = true;
    while (queue.length > 0) {
      const groups = groupByPrimary(redis, queue.splice(0, maxBatch), ({ entry }) =>
        journalKey(entry.cartId),
      );
      await Promise.all([...groups].map(([server, group]) => appendGroup(server, group)));
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

/** In the order of the batch; those of one server stand or fall together. */
async function appendTo(
  server: Redis | undefined,
  replicas: number,
  entries: JournalAppend[],
): Promise<Appended[]> {
  if (server === undefined) throw new NotEnoughNodes('No server of the cluster holds these carts just now');
  const buckets = Object.values(
    Object.groupBy(entries, ({ cartId }) => journalIndexKey(cartId)),
  ) as JournalAppend[][];
  // Loaded each time: a server that has just been restarted does not know the script.
  const commands = server.pipeline().script('LOAD', appendOperations);
  for (const bucket of buckets) {
    const keys = bucket.flatMap(({ cartId }) => [copyKey(cartId), journalKey(cartId)]);
    const index = journalIndexKey(bucket[0]!.cartId);
    commands.evalsha(
      appendSha,
      keys.length + 1,
      index,
      ...keys,
      JSON.stringify({ needsFile: replicas === 0, entries: bucket.map(toEntry) } satisfies AppendArgument),
    );
  }
  if (replicas > 0) commands.wait(replicas, waitMs);
  const [, ...answers] = ((await commands.exec()) ?? []).map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
  });
  if (answers.length < buckets.length) throw new Error('Redis did not answer');
  const appended = new Map<JournalAppend, Appended>();
  for (const [n, bucket] of buckets.entries()) {
    const outcomes = answers[n] as [Appended['outcome'], number][] | 'not-durable';
    if (outcomes === 'not-durable')
      throw new NotEnoughNodes('Redis keeps no append-only file and has no replicas');
    for (const [i, entry] of bucket.entries()) {
      const [outcome, version] = outcomes[i]!;
      appended.set(entry, { outcome, version });
    }
  }
  if (replicas > 0) {
    const confirmed = answers.at(-1) as number;
    if (confirmed < replicas) {
      throw new NotEnoughNodes(`Only ${confirmed} of ${replicas} replicas confirmed in ${waitMs} ms`);
    }
  }
  return entries.map((entry) => appended.get(entry)!);
}

const appendSha = createHash('sha1').update(appendOperations).digest('hex');

function toEntry({ cartId, operation, madeOn }: JournalAppend): AppendArgument['entries'][number] {
  const { opId, fingerprint } = operation;
  return { cartId, opId, fingerprint, madeOn, operation: JSON.stringify(operation) };
}
