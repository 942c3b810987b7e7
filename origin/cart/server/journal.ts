// Appends operations to the carts' journals in Redis while Postgres is away.
// An append is acknowledged once the configured number of replicas has it. With no replicas configured, the one Redis
// must keep an append-only file.
import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { unavailable } from '../../errors.ts';
import { type Lineage, onlyLineage } from '../../invalidation/lineage-watch.ts';
import type { RedisClient } from '../../redis/connect.ts';
import { groupByPrimary } from '../../redis/servers.ts';
import { createVersionedReads, type VersionedReads } from '../../redis/versioned-reads.ts';
import type { WaitingOperation } from '../check-operation.ts';
import { partOf } from './cart-copies.ts';
import {
  type AppendArgument,
  type AppendEntry,
  appendOperations,
  birthKey,
  copyKey,
  type JournalHome,
  journalHome,
  journalIndexKey,
  journalKey,
} from './copy-scripts.ts';
import type { StoreWatch } from './store-watch.ts';

export interface JournalAppend {
  cartId: string;
  operation: Omit<WaitingOperation, 'blocked'> & { follows?: string[] | undefined };
  madeOn: number;
  /** The newest place in the journal that the browser has seen. This operation gets a later one. */
  after?: number;
  /** The operation's former place, only where it was in a journal that may be gone. */
  again?: { sequence: number };
}

export interface Appended {
  /** `applied`: the copy names it, so Postgres has it. `reused`: the op id belongs to another request. */
  outcome: 'journalled' | 'applied' | 'reused';
  /** The newest version of the cart that Redis or the browser knew. The browser's next operation builds on it. */
  version: number;
  /** The operation's place in the journal. */
  sequence: number;
  madeOn: number;
  /** The journal's home; undefined where it is uncertain which server process answered. */
  home: JournalHome;
}

export interface CartJournal {
  /** @throws Refusal 503 where it may not be on enough nodes; the same op id may safely be sent again */
  append(entry: JournalAppend): Promise<Appended>;
  /** Reads the present home of each cart's journal, in the order of the ids. @throws where Redis does not answer */
  homesOf(cartIds: string[]): Promise<JournalHome[]>;
}

interface Waiting {
  entry: JournalAppend;
  resolve: (appended: Appended) => void;
  reject: (error: unknown) => void;
}

const maxQueue = 2_000;
const maxBatch = 256;
export const waitMs = 700;

export interface JournalOptions {
  /** How many replicas must confirm. */
  replicas: number;
  watch: StoreWatch;
  /** A connection for reads, which WAIT does not block. */
  other?: RedisClient;
  /** The lineage of the database whose copies count. */
  lineage?: Pick<Lineage, 'known' | 'confirm'>;
}

/**
 * @param redis a connection of its own, because WAIT blocks it. It must not resend commands after a reconnect: WAIT
 * on a new connection covers no earlier write, so it would confirm nothing.
 */
export function createCartJournal(
  redis: RedisClient,
  { replicas, watch, other = redis, lineage = onlyLineage }: JournalOptions,
): CartJournal {
  const { runIdOf } = createVersionedReads(redis);
  const reads = createVersionedReads(other);
  const queue: Waiting[] = [];
  let running = false;

  const appendGroup = async (server: Redis | undefined, group: Waiting[]) => {
    try {
      const entries = group.map((waiting) => waiting.entry);
      const part = partOf(await lineage.confirm().catch(() => lineage.known()));
      const answers = await appendTo({ server, replicas, runIdOf, part }, entries);
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
    async homesOf(cartIds) {
      const keys = [...new Set(cartIds.map(birthKey))];
      const births = keys.length === 0 ? [] : await reads.read(keys);
      const homes = new Map(
        births.map(({ value, runId }, index) => [keys[index]!, journalHome(runId, value ?? 'none')]),
      );
      return cartIds.map((cartId) => homes.get(birthKey(cartId)));
    },
  };
}

class NotEnoughNodes extends Error {
  override readonly name = 'NotEnoughNodes';
}

interface Place {
  server: Redis | undefined;
  replicas: number;
  runIdOf: VersionedReads['runIdOf'];
  /** The part of a copy's key that names the lineage. */
  part: string;
}

/** Appends one server's operations; all succeed or all fail. @returns the results in the order of the entries */
async function appendTo(
  { server, replicas, runIdOf, part }: Place,
  entries: JournalAppend[],
): Promise<Appended[]> {
  if (server === undefined) throw new NotEnoughNodes('No server of the cluster holds these carts just now');
  const key = birthKey(entries[0]!.cartId);
  const runIdBefore = runIdOf(key);
  const buckets = Object.values(
    Object.groupBy(entries, ({ cartId }) => journalIndexKey(cartId)),
  ) as JournalAppend[][];
  // The script is loaded each time, because a server that was just restarted does not know it.
  const commands = server.pipeline().script('LOAD', appendOperations);
  for (const bucket of buckets) {
    const { cartId: first } = bucket[0]!;
    const keys = [
      journalIndexKey(first),
      birthKey(first),
      ...bucket.flatMap(({ cartId }) => [copyKey(cartId, part), journalKey(cartId)]),
    ];
    const argument: AppendArgument = {
      needsFile: replicas === 0,
      random: randomUUID(),
      entries: bucket.map(toEntry),
    };
    commands.evalsha(appendSha, keys.length, ...keys, JSON.stringify(argument));
  }
  if (replicas > 0) commands.wait(replicas, waitMs);
  const [, ...answers] = ((await commands.exec()) ?? []).map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
  });
  if (answers.length < buckets.length) throw new Error('Redis did not answer');
  // If another process answered before or after, it may lack what was written, so the home is unknown.
  const runId = runIdOf(key) === runIdBefore ? runIdBefore : undefined;
  const appended = new Map<JournalAppend, Appended>();
  for (const [n, bucket] of buckets.entries()) {
    const answer = answers[n] as [string, ...[Appended['outcome'], number, number, number][]] | 'not-durable';
    if (answer === 'not-durable')
      throw new NotEnoughNodes('Redis keeps no append-only file and has no replicas');
    const [birth, ...outcomes] = answer;
    for (const [i, entry] of bucket.entries()) {
      const [outcome, version, sequence, madeOn] = outcomes[i]!;
      appended.set(entry, { outcome, version, sequence, madeOn, home: journalHome(runId, birth) });
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

function toEntry({ cartId, operation, madeOn, after = 0, again }: JournalAppend): AppendEntry {
  const { opId, fingerprint } = operation;
  return {
    cartId,
    opId,
    fingerprint,
    madeOn,
    operation: JSON.stringify(operation),
    after,
    sequence: again?.sequence,
  };
}
