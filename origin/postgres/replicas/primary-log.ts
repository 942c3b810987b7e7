// Asks the primary for the position of its log: fresh reads must have replayed it, and lag is measured by it.
import { type Probe, parseWrittenPosition, type WalPosition, writtenPositionSql } from './wal-position.ts';

export interface AskedPosition {
  position: WalPosition;
  /**
   * Monotonic milliseconds, before the question went out: everything committed until then lies at or before the
   * position.
   */
  askedAtMs: number;
}

export interface PrimaryLog {
  /** Undefined until the primary has answered once. It stays while the primary is away. */
  newest(): WalPosition | undefined;
  /** An answer whose question is at most `sharedMs` old. @throws where the primary does not answer. */
  ask(): Promise<AskedPosition>;
  /**
   * At most how many seconds of the log a server lacks that has replayed up to `lsn`; Infinity beyond what is
   * remembered.
   */
  lagSeconds(lsn: bigint): number;
}

interface Question {
  askedAtMs: number;
  answer: Promise<AskedPosition>;
  isOpen: boolean;
}

/**
 * Requests that begin so soon after a question may use its answer: `done` waits twice as long after it has raised
 * the floors.
 */
export const sharedMs = 25;
/** A primary that has just been found silent is not asked by every request. */
const knownSilentMs = 250;
const sampleEveryMs = 1_000;
/** Also the lag beyond which a replica is not read. */
const rememberedMs = 60_000;

export function createPrimaryLog(probe: Probe, clock: () => number = () => performance.now()): PrimaryLog {
  /** The oldest first, a second apart, all of one timeline. */
  let samples: AskedPosition[] = [];
  let last: AskedPosition | undefined;
  let current: Question | undefined;
  let next: Promise<AskedPosition> | undefined;
  let silent: { sinceMs: number; error: unknown } | undefined;

  const remember = (asked: AskedPosition) => {
    if (last !== undefined && last.position.timeline !== asked.position.timeline) samples = [];
    last = asked;
    const newest = samples.at(-1);
    if (newest !== undefined && asked.askedAtMs - newest.askedAtMs < sampleEveryMs) return;
    samples.push(asked);
    samples = samples.filter((sample) => asked.askedAtMs - sample.askedAtMs <= rememberedMs + sampleEveryMs);
  };

  const question = async (askedAtMs: number): Promise<AskedPosition> => {
    try {
      // The first failure may be of a connection that led to a server which has gone since.
      const rows = await probe.ask(writtenPositionSql).catch(() => probe.ask(writtenPositionSql));
      const asked = { position: parseWrittenPosition(rows), askedAtMs };
      remember(asked);
      silent = undefined;
      return asked;
    } catch (error) {
      silent = { sinceMs: clock(), error };
      throw error;
    }
  };

  const begin = (): Question => {
    const askedAtMs = clock();
    const answer = question(askedAtMs).finally(() => {
      begun.isOpen = false;
    });
    const begun: Question = { askedAtMs, answer, isOpen: true };
    current = begun;
    return begun;
  };

  return {
    newest: () => last?.position,
    async ask() {
      const nowMs = clock();
      if (silent !== undefined && nowMs - silent.sinceMs < knownSilentMs) throw silent.error;
      if (current !== undefined && nowMs - current.askedAtMs <= sharedMs) return current.answer;
      if (current?.isOpen !== true) return begin().answer;
      // One question at a time; who comes too late for it shares the next, which has not gone out yet.
      next ??= current.answer
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          return begin().answer;
        });
      return next;
    },
    lagSeconds(lsn) {
      if (last === undefined || lsn >= last.position.lsn) return 0;
      const replayed = samples.findLast((sample) => sample.position.lsn <= lsn);
      return replayed === undefined
        ? Number.POSITIVE_INFINITY
        : (last.askedAtMs - replayed.askedAtMs) / 1_000;
    },
  };
}
