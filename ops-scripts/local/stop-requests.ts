// Decides when to stop: on Ctrl-C, SIGTERM, a closed terminal, or the death of npm.

/** What aborts is the wish to stop; `reason` says whose. */
export interface StopRequests {
  signal: AbortSignal;
  /** For reasons of our own; only the first counts. */
  request(reason: string): void;
  /** Back to the system's ways. */
  close(): void;
}

const doubleSignalMs = 2_000;

/**
 * Ctrl-C comes twice (from the terminal's group and from npm), so that a second signal means "now" only after 2 s;
 * then `quitNow` is called.
 * @param startedByNpm whether our parent is npm, whose death must be ours.
 */
export function listenForStop(startedByNpm: boolean, quitNow: () => void): StopRequests {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const request = (reason: string) => {
    firstAt ??= performance.now();
    if (!controller.signal.aborted) controller.abort(new Error(reason));
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (firstAt !== undefined && performance.now() - firstAt > doubleSignalMs) quitNow();
    request(`stopped by ${name}`);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of signals) process.on(name, onSignal);

  const parent = process.ppid;
  const watch = startedByNpm
    ? setInterval(() => {
        if (process.ppid !== parent) request('stopped because npm is gone');
      }, 300).unref()
    : undefined;

  return {
    signal: controller.signal,
    request,
    close: () => {
      for (const name of signals) process.off(name, onSignal);
      clearInterval(watch);
    },
  };
}
