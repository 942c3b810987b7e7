// Tracks whether a store answers, so that a frozen store costs one deadline in all and not one for each request.
// Probes the store while it is away.
import { setTimeout as delay } from 'node:timers/promises';

export interface StoreWatch {
  isAway(): boolean;
  /**
   * Reports that the store refused or broke a connection, or did not answer in time. Starts probing; may be called
   * often.
   */
  unanswered(): void;
  /**
   * Calls back once when the store is known to be away, or at once where it is. @returns a function that ends the
   * watch
   */
  whenAway(callback: () => void): () => void;
  close(): void;
}

export interface StoreWatchOptions {
  /** Rejects where the store cannot serve or does not answer by the deadline. */
  probe: (deadlineMs: number) => Promise<unknown>;
  /** The deadline of a probe while it is unknown whether the store is away, and the pause between two probes. */
  probeMs: number;
  /**
   * The deadline of a probe once the store is known to be away. No request waits for it, and a slow store must be
   * able to answer in time.
   */
  patientProbeMs: number;
  /**
   * After so many silent probes in a row the store counts as away. With 0, it is away from the first unanswered call.
   */
  silentProbes: number;
  /** Whether a probe's error means at once that the store is away. */
  isRefusal: (error: unknown) => boolean;
}

export function createStoreWatch(options: StoreWatchOptions): StoreWatch {
  const listeners = new Set<() => void>();
  let away = false;
  let probing = false;
  let closed = false;

  const goAway = () => {
    away = true;
    const waiting = [...listeners];
    listeners.clear();
    for (const listener of waiting) listener();
  };
  const probeUntilAnswered = async () => {
    probing = true;
    for (let silent = 0; !closed; ) {
      const beganMs = performance.now();
      try {
        await options.probe(away ? options.patientProbeMs : options.probeMs);
        break;
      } catch (error) {
        silent += 1;
        if (!away && (silent >= options.silentProbes || options.isRefusal(error))) goAway();
        await delay(Math.max(0, options.probeMs - (performance.now() - beganMs)), undefined, { ref: false });
      }
    }
    away = false;
    probing = false;
  };

  return {
    isAway: () => away,
    unanswered() {
      if (closed || probing) return;
      if (options.silentProbes === 0) goAway();
      void probeUntilAnswered();
    },
    whenAway(callback) {
      if (away) callback();
      else listeners.add(callback);
      return () => listeners.delete(callback);
    },
    close() {
      closed = true;
      listeners.clear();
    },
  };
}
