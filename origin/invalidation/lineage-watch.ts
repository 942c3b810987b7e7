// Follows the database's lineage: asks the primary four times a second, and Redis before anything kept is used.
// A process that finds that the database has gone back in time begins a new lineage. All processes then forget what
// they kept.
import type { Result } from 'ioredis';
import { Counter, type Registry } from 'prom-client';
import {
  type AskedHistory,
  beginLineage,
  createReadHistory,
  type DatabaseHistory,
  hasGoneBack,
} from '../postgres/lineage.ts';
import type { Probe } from '../postgres/replicas/wal-position.ts';
import type { RedisClient } from '../redis/connect.ts';
import type { Db } from '../schema.ts';

export interface LineageMark {
  value: string;
  /** Part of the keys of all that is kept of this lineage; empty for a database's first one. */
  keyPart: string;
}

export interface Lineage {
  /** The lineage as it was last found. Until it is found, nothing that is kept may be used. */
  known(): LineageMark | undefined;
  /**
   * Returns the lineage, confirmed by a store at most 25 ms ago.
   * @returns undefined where neither store can tell. @throws where Redis does not answer
   */
  confirm(): Promise<LineageMark | undefined>;
  /** Whether it was confirmed during the last second; false after a pause of this process. */
  isRecent(): boolean;
  /** @param tell called after each change from one lineage to another */
  onChange(tell: () => void): void;
  close(): void;
}

export interface LineageOptions {
  redis: RedisClient;
  /** A connection that may write to the primary. */
  db: Db;
  /** A connection to the primary that is used only for this. */
  probe: Probe;
  registry?: Registry;
  onChange?: (from: string, to: string) => void;
  onError?: (error: unknown) => void;
}

/** Tells whether data of one lineage may be used in another. Two unknown ones count as the same. */
export function isSameLineage(one: string | undefined, other: LineageMark | undefined): boolean {
  return (one ?? '') === (other?.value ?? '');
}

/** Used where there is no database, or only one that is never restored. */
export const onlyLineage: Lineage = {
  known: () => noPart,
  confirm: async () => noPart,
  isRecent: () => true,
  onChange: () => undefined,
  close: () => undefined,
};
const noPart: LineageMark = { value: '', keyPart: '' };

const lineageKey = 'database-lineage';
const lookEveryMs = 250;
const sharedMs = 25;
const recentMs = 1_000;
/** A primary that did not answer is not asked again for so long. */
const silentMs = 500;

/** Replaces the record only if it is still the one that was read. */
const replaceRecord = `
local change = cjson.decode(ARGV[1])
if (redis.call('get', KEYS[1]) or '') ~= change.before then return 0 end
redis.call('set', KEYS[1], change.after)
return 1`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    replaceLineage(record: string, change: string): Result<0 | 1, Context>;
  }
}

export function followLineage(options: LineageOptions): Lineage {
  options.redis.defineCommand('replaceLineage', { numberOfKeys: 1, lua: replaceRecord });
  return new LineageWatch(options);
}

class LineageWatch implements Lineage {
  readonly #options: LineageOptions;
  readonly #read: ReturnType<typeof createReadHistory>;
  readonly #listeners: (() => void)[] = [];
  readonly #changes: Counter | undefined;
  #own: DatabaseHistory | undefined;
  #mark: LineageMark | undefined;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;
  #silentSinceMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #asking: Promise<LineageMark | undefined> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LineageOptions) {
    this.#options = options;
    this.#read = createReadHistory(options.probe);
    this.#changes =
      options.registry &&
      new Counter({
        name: 'database_lineage_changes_total',
        help: 'How often this process found that the database had gone back in time, and forgot what it kept',
        registers: [options.registry],
      });
    void this.#lookRegularly();
  }

  known(): LineageMark | undefined {
    return this.#mark;
  }

  isRecent(): boolean {
    return performance.now() - this.#confirmedAtMs < recentMs;
  }

  onChange(tell: () => void): void {
    this.#listeners.push(tell);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.probe.close();
  }

  async confirm(): Promise<LineageMark | undefined> {
    if (performance.now() - this.#confirmedAtMs < sharedMs) return this.#mark;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<LineageMark | undefined> {
    const beganMs = performance.now();
    const record = await this.#readRecord();
    if (record.seen === undefined || record.seen.value !== this.#own?.value) {
      await this.#look();
      if (this.#confirmedAtMs < beganMs) await this.#trustRecord(record);
    }
    if (this.#own !== undefined) this.#confirmedAtMs = Math.max(this.#confirmedAtMs, beganMs);
    return this.#mark;
  }

  /** The primary is away. The later of the lineages in Redis and in this process holds. */
  async #trustRecord({ text, seen }: StoredRecord): Promise<void> {
    if (seen !== undefined && seen.ordinal >= (this.#own?.ordinal ?? -1)) this.#adopt(seen);
    else if (this.#own !== undefined) await this.#storeRecord(text, this.#own);
  }

  async #lookRegularly(): Promise<void> {
    await this.#look();
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#lookRegularly(), lookEveryMs).unref();
  }

  /** Looks once at a time, so that an earlier answer cannot replace a later one. Never throws. */
  #look(): Promise<void> {
    if (performance.now() - this.#silentSinceMs < silentMs) return Promise.resolve();
    this.#looking ??= this.#lookAtPrimary()
      .catch((error: unknown) => {
        this.#silentSinceMs = performance.now();
        this.#options.onError?.(error);
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #lookAtPrimary(): Promise<void> {
    // Redis is read before the primary, so that the primary's position is at or past every recorded one.
    const record = await this.#readRecord().catch(() => undefined);
    const beganMs = performance.now();
    let now = await this.#read();
    const before = this.#judgesBy(now, record?.seen);
    const isLost = before.some((one) => hasGoneBack(one, now));
    if (!now.isOwn || isLost) {
      const after = Math.max(now.ordinal, ...before.map(({ ordinal }) => ordinal));
      await beginLineage(this.#options.db, { unlessChangedFrom: now.value, after });
      now = await this.#read();
    }
    if (record !== undefined) await this.#storeRecord(record.text, now).catch(() => undefined);
    this.#adopt(now);
    this.#confirmedAtMs = beganMs;
  }

  /**
   * Returns what was known before, to compare it with the present. An entry is left out if another process has
   * already begun the present lineage because of it.
   */
  #judgesBy(now: AskedHistory, recorded: DatabaseHistory | undefined) {
    const known = [this.#own, recorded].filter((one) => one !== undefined);
    const isBegunSince = (one: DatabaseHistory) =>
      recorded?.value === now.value || (one.timeline !== now.timeline && now.begunTimeline === now.timeline);
    return known.filter((one) => one.value === now.value || !isBegunSince(one));
  }

  #adopt(now: DatabaseHistory): void {
    const before = this.#own;
    this.#own = now;
    if (before?.value === now.value) return;
    this.#mark = { value: now.value, keyPart: now.ordinal === 0 ? '' : now.value };
    if (before === undefined) return;
    this.#changes?.inc();
    this.#options.onChange?.(before.value, now.value);
    for (const tell of this.#listeners) tell();
  }

  async #readRecord(): Promise<StoredRecord> {
    return parseRecord(await this.#options.redis.get(lineageKey));
  }

  async #storeRecord(before: string, now: DatabaseHistory): Promise<void> {
    const after = formatRecord(now);
    if (after !== before)
      await this.#options.redis.replaceLineage(lineageKey, JSON.stringify({ before, after }));
  }
}

/** What all processes have seen of the database, as Redis stores it. */
interface StoredRecord {
  text: string;
  seen: DatabaseHistory | undefined;
}

function parseRecord(text: string | null): StoredRecord {
  if (text === null) return { text: '', seen: undefined };
  const { lsn, ...seen } = JSON.parse(text) as Omit<DatabaseHistory, 'lsn'> & { lsn: string };
  return { text, seen: { ...seen, history: seen.history ?? undefined, lsn: BigInt(lsn) } };
}

function formatRecord({ value, ordinal, systemIdentifier, timeline, lsn, history }: DatabaseHistory): string {
  return JSON.stringify({ value, ordinal, systemIdentifier, timeline, history, lsn: String(lsn) });
}

/**
 * Begins a new lineage by hand and records it in Redis, so that every process learns it at its next look.
 * @param redis absent where it does not answer; its users then learn the lineage from the primary
 */
export async function announceNewLineage(
  db: Db,
  probe: Pick<Probe, 'ask'>,
  redis: RedisClient | undefined,
): Promise<string> {
  const record = redis && parseRecord(await redis.get(lineageKey));
  const value = await beginLineage(db, { after: record?.seen?.ordinal ?? 0 });
  const now = await createReadHistory(probe)();
  await redis?.set(lineageKey, formatRecord(now));
  return value;
}
