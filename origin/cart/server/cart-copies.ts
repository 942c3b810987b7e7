// Reads and saves the copies of carts in Redis, together with their journals. Only a newer version replaces a copy.
import { randomUUID } from 'node:crypto';
import { Cluster } from 'ioredis';
import { type Lineage, type LineageMark, onlyLineage } from '../../invalidation/lineage-watch.ts';
import type { RedisClient } from '../../redis/connect.ts';
import type { RedisRoom } from '../../redis/servers.ts';
import { createVersionedReads } from '../../redis/versioned-reads.ts';
import type { CartContents } from '../cart-contents.ts';
import type { JournalledOperation } from '../decide-batch.ts';
import {
  birthKey,
  copyKey,
  defineCartScripts,
  type JournalHome,
  journalHome,
  journalKey,
  type SaveArgument,
  saveArguments,
} from './copy-scripts.ts';
import type { StoreWatch } from './store-watch.ts';

export interface StoredCart {
  contents: CartContents;
  /** The guest's cart was merged into an account's at sign-in, so its cookie counts as absent. */
  merged: boolean;
}

export interface CartInRedis {
  copy: (StoredCart & { has: (opId: string) => boolean }) | undefined;
  /** The journal's operations, in order. */
  journal: JournalledOperation[];
  /** The server process that holds the journal. An operation that left the journal on the same home is committed. */
  home: JournalHome;
  /** Redis was emptied a moment ago, and origins may still be about to write their held operations into the journal. */
  refilling: boolean;
}

export interface RecordedOperation {
  opId: string;
  fingerprint: string;
}

export interface CopyUpdate {
  cartId: string;
  cart: StoredCart;
  /** The version to which `operations` were added; `full` where they are the cart's newest 64. */
  versionBefore: number | 'full';
  /** The newest first. */
  operations: RecordedOperation[];
  /** Ids of journalled operations that Postgres now has. */
  drained: string[];
  /**
   * Only with a full copy: the ids in the journal of which it is known whether the cart has them. Nothing is saved
   * where the journal holds another id, because the cart may have it beyond its newest 64.
   */
  judged?: string[];
}

export type SavedCopy = { journal: JournalledOperation[] } | 'operations-missing';

export interface CartCopies {
  /** @returns undefined where Redis does not answer. */
  read(cartId: string): Promise<CartInRedis | undefined>;
  /** @returns what is left in each journal, in the order of the updates; undefined where Redis does not answer. */
  save(updates: CopyUpdate[]): Promise<SavedCopy[] | undefined>;
}

const ttlSeconds = 24 * 60 * 60;
const newest = 64;
/** An origin notices within 0.1 s that Redis was emptied. The rest is a margin for a busy machine. */
const refillMs = 5_000;

/** @param lineage copies of another lineage of the database are not found; journals are found in every lineage */
export function createCartCopies(
  redis: RedisClient,
  watch: StoreWatch,
  room: RedisRoom,
  lineage: Pick<Lineage, 'known' | 'confirm'> = onlyLineage,
): CartCopies {
  defineCartScripts(redis);
  const { runIdOf } = createVersionedReads(redis);
  const callRedis = async <Answer>(command: () => Promise<Answer>): Promise<Answer | undefined> => {
    if (watch.isAway()) return undefined;
    try {
      return await command();
    } catch {
      watch.unanswered();
      return undefined;
    }
  };
  const readOnce = async (cartId: string, mark: LineageMark | undefined): Promise<CartInRedis> => {
    const key = birthKey(cartId);
    const runId = runIdOf(key);
    const [version, contents, operations, birth, ageMs, journal] = await redis.readCart(
      copyKey(cartId, partOf(mark)),
      journalKey(cartId),
      key,
      randomUUID(),
    );
    return {
      copy: parseCopy(version, contents, operations),
      journal: parseJournal(journal),
      home: runIdOf(key) === runId ? journalHome(runId, birth) : undefined,
      // If the server's clock was set back, an old birth lies in the future and its age is negative.
      refilling: ageMs >= 0 && ageMs < refillMs,
    };
  };
  return {
    read: (cartId) =>
      callRedis(async () => {
        const mark = lineage.known();
        const [found, present] = await Promise.all([readOnce(cartId, mark), lineage.confirm()]);
        return partOf(present) === partOf(mark) ? found : readOnce(cartId, present);
      }),
    save: (updates) =>
      callRedis(async () => {
        const part = partOf(lineage.known());
        const keepSeconds = (await room.isLeft()) ? ttlSeconds : 0;
        const answers = await saveTogether(
          redis,
          updates.map((update) => toSave(update, keepSeconds)),
          part,
        );
        return answers.map((answer) => {
          return answer === 'operations-missing' ? answer : { journal: parseJournal(answer) };
        });
      }),
  };
}

/** Sends all saves in one pipeline to a single server. In a cluster each goes to its own server. */
async function saveTogether(
  redis: RedisClient,
  saves: SaveArgument[],
  part: string,
): Promise<(string[] | 'operations-missing')[]> {
  if (redis instanceof Cluster)
    return Promise.all(saves.map((save) => redis.saveCart(...saveArguments(save, part))));
  const pipeline = redis.pipeline();
  for (const save of saves) pipeline.saveCart(...saveArguments(save, part));
  const answers = (await pipeline.exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return answer as string[] | 'operations-missing';
  });
}

/** The part of a copy's key that names the lineage. No copy is stored under an unknown one. */
export function partOf(mark: LineageMark | undefined): string {
  return mark === undefined ? 'unknown' : mark.keyPart;
}

function toSave({ cartId, cart, operations, ...update }: CopyUpdate, keepSeconds: number): SaveArgument {
  const { contents, merged } = cart;
  return {
    cartId,
    version: contents.version,
    versionBefore: update.versionBefore,
    contents: JSON.stringify({ ...contents, merged }),
    operations: operations.slice(0, newest).map(({ opId, fingerprint }) => `${opId} ${fingerprint}`),
    keepSeconds,
    drained: update.drained,
    judged: update.judged,
  };
}

function parseCopy(version: string, json: string, operations: string): CartInRedis['copy'] {
  if (version === '') return undefined;
  const { merged, ...contents } = JSON.parse(json) as CartContents & { merged: boolean };
  const ids = new Set((JSON.parse(operations) as string[]).map((operation) => operation.split(' ', 1)[0]));
  return { contents, merged, has: (opId) => ids.has(opId) };
}

export function parseJournal(values: string[]): JournalledOperation[] {
  const operations: JournalledOperation[] = [];
  for (const value of values) {
    const match = /^(\d+) (\d+) (.*)$/.exec(value);
    if (match === null) continue;
    const operation = JSON.parse(match[3]!) as JournalledOperation;
    operations.push({ ...operation, sequence: Number(match[1]), madeOn: Number(match[2]) });
  }
  return operations.sort((a, b) => a.sequence! - b.sequence!);
}
