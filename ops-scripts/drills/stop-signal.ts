// Ctrl-C ends a long drill after the present fault, with its report; a second one ends it at once.
// npm repeats each signal, so a second within 2 s does not count.

const repetitionMs = 2_000;

/** @param report receives one sentence on what will happen. */
export function listenForStop(report: (sentence: string) => void): AbortSignal {
  const stopping = new AbortController();
  let firstAt: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (firstAt === undefined) report('Ending after this fault; once more ends at once');
    else if (now - firstAt > repetitionMs) process.exit(130);
    firstAt ??= now;
    stopping.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return stopping.signal;
}
