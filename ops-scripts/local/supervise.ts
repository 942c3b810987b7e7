// Restarts a part that dies, and gives up a part that dies too often.
import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit, type Part } from './part.ts';

export interface SuperviseOptions<T extends Part> {
  name: string;
  /** Must come back on the same address each time. */
  start: (signal: AbortSignal) => Promise<T>;
  /** A new process is ready, the first included. */
  onStarted?: (part: T) => void;
  onEvent: (sentence: string) => void;
  /** It died more than `maxRestarts` times in a minute, or cannot be started; absent: tried for ever. */
  onGiveUp?: (sentence: string) => void;
  maxRestarts?: number;
  /** Ends a first start that takes long. */
  signal?: AbortSignal | undefined;
}

export interface Supervised<T extends Part> {
  /** The process that stands now; while one is being started, the one before. */
  current(): T;
  stop(): Promise<void>;
}

const minuteMs = 60_000;

/** @throws what `start` throws, on the first start only. */
export async function supervise<T extends Part>(options: SuperviseOptions<T>): Promise<Supervised<T>> {
  const { name, start, onStarted, onEvent, onGiveUp, maxRestarts = 5 } = options;
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ...(options.signal ? [options.signal] : [])]);
  let part = await start(signal);
  onStarted?.(part);

  const restart = async (): Promise<void> => {
    const deaths: number[] = [];
    while (!stopping.signal.aborted) {
      const how = describeExit(await part.exited);
      if (stopping.signal.aborted) return;
      for (;;) {
        const now = performance.now();
        deaths.push(now);
        const recent = deaths.filter((at) => now - at < minuteMs).length;
        if (onGiveUp !== undefined && recent > maxRestarts) {
          onGiveUp(`${name} ${how}, ${recent} times within a minute`);
          return;
        }
        onEvent(`${name} ${how}; starting it again`);
        await sleep(recent === 1 ? 0 : Math.min(100 * 2 ** recent, 5_000), undefined, {
          signal: stopping.signal,
        }).catch(() => {});
        if (stopping.signal.aborted) return;
        try {
          part = await start(signal);
          break;
        } catch (error) {
          if (stopping.signal.aborted) return;
          onEvent(error instanceof Error ? error.message : String(error));
        }
      }
      if (stopping.signal.aborted) await part.stop();
      else onStarted?.(part);
    }
  };
  const running = restart();

  return {
    current: () => part,
    stop: async () => {
      stopping.abort();
      await part.stop();
      await running;
    },
  };
}
