// Bounds of work at once: a semaphore; lanes, by which several kinds of work share one bound; and an admission queue,
// which starts few requests in each turn of the event loop.

interface SemaphoreOptions {
  atOnce: number;
  waiting: number;
  waitMs: number;
}

export interface Semaphore {
  /** @throws SemaphoreFullError where it is full, or `work` would have had to wait too long. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export class SemaphoreFullError extends Error {}

export function createSemaphore({ atOnce, waiting, waitMs }: SemaphoreOptions): Semaphore {
  const queue: (() => void)[] = [];
  let inside = 0;

  /** Who leaves hands the place to the next, so that nobody can slip in between. */
  const leave = () => {
    const next = queue.shift();
    if (next === undefined) inside--;
    else next();
  };

  const enter = async () => {
    if (inside < atOnce) {
      inside++;
      return;
    }
    if (queue.length >= waiting) throw semaphoreFull();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(admit), 1);
        reject(semaphoreFull());
      }, waitMs);
      const admit = () => {
        clearTimeout(timer);
        resolve();
      };
      queue.push(admit);
    });
  };

  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

function semaphoreFull(): SemaphoreFullError {
  return new SemaphoreFullError('Too many ask for this at once');
}

// Lanes: a bound on work at once that several kinds of work share. A free place goes round the lanes, so that a flood
// in one lane does not stop the others.

interface LanesOptions {
  /** Over all lanes. */
  atOnce: number;
  /** In each lane. */
  waiting: number;
  waitMs: number;
}

interface Lanes<Lane extends string> {
  /** @throws SemaphoreFullError where the lane is full, or `work` would have had to wait too long. */
  run<T>(lane: Lane, work: () => Promise<T>): Promise<T>;
}

export function createLanes<Lane extends string>(
  names: readonly Lane[],
  { atOnce, waiting, waitMs }: LanesOptions,
): Lanes<Lane> {
  const queues = new Map<Lane, (() => void)[]>(names.map((name) => [name, []]));
  let inside = 0;
  /** The lane that was served last stands at the end. */
  const order = [...names];

  /** Who leaves hands the place on, so that nobody can slip in between. */
  const leave = () => {
    const next = order.find((lane) => queues.get(lane)!.length > 0);
    if (next === undefined) {
      inside--;
      return;
    }
    order.splice(order.indexOf(next), 1);
    order.push(next);
    queues.get(next)!.shift()!();
  };

  const enter = async (lane: Lane) => {
    const queue = queues.get(lane)!;
    if (inside < atOnce) {
      inside++;
      return;
    }
    if (queue.length >= waiting) throw new SemaphoreFullError(`Too many wait in the lane '${lane}'`);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(admit), 1);
        reject(new SemaphoreFullError(`It took too long to get through the lane '${lane}'`));
      }, waitMs);
      const admit = () => {
        clearTimeout(timer);
        resolve();
      };
      queue.push(admit);
    });
  };

  return {
    async run(lane, work) {
      await enter(lane);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

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
