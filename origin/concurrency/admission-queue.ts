// Admission queue: starts a bounded number of requests in each turn of the event loop, so that those under way get
// their answers from Redis and Postgres in between. Without it all of a crowd's requests would be half done at once.

export interface AdmissionQueue {
  /**
   * Starts at once while fewer than `atOnce` were started in this turn, else in order of arrival. It does not wait
   * for the work to end.
   * @param start gets the number of waiting requests where the queue is full: it is started ahead of them, to be
   * refused. Else 0.
   */
  take(start: (waiting: number) => void): void;
}

export interface AdmissionQueueOptions {
  /** Started in one turn. The default takes a few milliseconds, and fills one pipelined query to each store. */
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
