// Tracks whether a store answers, so that a frozen store costs one deadline in all, not one a request. Probes it while
// it is away.
import { setTimeout as delay } from 'node:timers/promises';

export interface StoreWatch {
  isAway(): boolean;
  /** The store refused or broke a connection, or failed to answer in time. Starts probing; may be called often. */
  unanswered(): void;
  /** Calls once when the store is known to be away, at once where it is. @returns how to stop waiting. */
  whenAway(callback: () => void): () => void;
  close(): void;
}

export interface StoreWatchOptions {
  /** Rejects where the store cannot serve or does not answer by the deadline. */
  probe: (deadlineMs: number) => Promise<unknown>;
  /** For a probe while it is not known whether the store is away, and between two of them. */
  probeMs: number;
  /** For a probe once it is known: nobody waits for it, and a store that is only slow must be able to come back. */
  patientProbeMs: number;
  /** So many silent probes one after another mean away; 0: away from the first unanswered call. */
  silentProbes: number;
  /** Such an error of a probe means away at once. */
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
