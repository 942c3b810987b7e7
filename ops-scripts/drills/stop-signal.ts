// Ctrl-C lets a long drill come to its next calm, judge and report; another one, later than npm's repetition of the first, ends at once.

const sameWordMs = 2_000;

/** @param say told what will happen. */
export function listenForStop(say: (sentence: string) => void): AbortSignal {
  const stopping = new AbortController();
  let firstAt: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (firstAt === undefined) say('Ending after this fault; once more ends at once');
    else if (now - firstAt > sameWordMs) process.exit(130);
    firstAt ??= now;
    stopping.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return stopping.signal;
}
