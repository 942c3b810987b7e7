// Puts a deadline on every AWS call, because the SDK may ignore an abort while it backs off.
export class TimedOut extends Error {
  override name = 'TimedOut';
}

/**
 * What `work` gives, or a TimedOut after `deadlineMs`, or once `stop` is aborted.
 * `work` gets a signal that is aborted at the same moment.
 */
export async function withinDeadline<T>(
  deadlineMs: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (reason: string) => {
    reject(new TimedOut(reason));
    ended.abort();
  };
  const atStop = () => end('the total deadline passed before it answered');
  if (stop.aborted) throw new TimedOut('the total deadline passed before it was asked');
  stop.addEventListener('abort', atStop, { once: true });
  const timer = setTimeout(() => end(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
  try {
    return await Promise.race([work(ended.signal), promise]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', atStop);
  }
}
