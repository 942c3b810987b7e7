// A crowd's requests are started a few in each turn of the event loop, so that those under way get their answers from Redis and Postgres
// in between. Else all of them are half done at once, each waits for all the others, and what it holds in memory is held for as long.

export interface AdmissionQueue {
  /**
   * Starts it at once while there is no crowd, else in the order of asking. Nobody waits for what was started to be done.
   * @param start is told how many wait, where they are too many to wait with them: it is started ahead of them, to be refused. Else 0.
   */
  take(start: (waiting: number) => void): void;
}

export interface AdmissionQueueOptions {
  /** Started in one turn; the default is done in a few milliseconds, and enough to fill one question to each store. */
  atOnce?: number;
  mostWaiting: number;
}

export function createAdmissionQueue({ atOnce = 16, mostWaiting }: AdmissionQueueOptions): AdmissionQueue {
  const waiting: ((waiting: number) => void)[] = [];
  let left = atOnce;

  const turn = () => {
    left = atOnce;
    for (const start of waiting.splice(0, atOnce)) run(start, 0);
  };
  const run = (start: (waiting: number) => void, ahead: number) => {
    if (left === atOnce) setImmediate(turn);
    left -= 1;
    start(ahead);
  };

  return {
    take(start) {
      if (left > 0) run(start, 0);
      else if (waiting.length < mostWaiting) waiting.push(start);
      else run(start, waiting.length);
    },
  };
}
