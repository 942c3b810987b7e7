// Bounds work at once by a semaphore, by lanes or by an admission queue.
// In lanes, several kinds of work share one bound. An admission queue starts few requests in each turn of the event
// loop.

interface SemaphoreOptions {
  atOnce: number;
  waiting: number;
  waitMs: number;
}

export interface Semaphore {
  /** @throws SemaphoreFullError where too many wait already, or the wait takes too long */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export class SemaphoreFullError extends Error {}

export function createSemaphore({ atOnce, waiting, waitMs }: SemaphoreOptions): Semaphore {
  const queue: (() => void)[] = [];
  let inside = 0;

  /** Hands a free place directly to the next in the queue, so that no newcomer can take it first. */
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

// Lanes: several kinds of work share one bound. Lanes get free places in turn, so that a flood in one does not stop
// the others.

interface LanesOptions {
  /** Over all lanes together. */
  atOnce: number;
  /** In each lane. */
  waiting: number;
  waitMs: number;
}

interface Lanes<Lane extends string> {
  /** @throws SemaphoreFullError where too many wait in the lane already, or the wait takes too long */
  run<T>(lane: Lane, work: () => Promise<T>): Promise<T>;
}

export function createLanes<Lane extends string>(
  names: readonly Lane[],
  { atOnce, waiting, waitMs }: LanesOptions,
): Lanes<Lane> {
  const queues = new Map<Lane, (() => void)[]>(names.map((name) => [name, []]));
  let inside = 0;
  /** The lane that was served last is at the end. */
  const order = [...names];

  /** Hands a free place directly to the next lane's first, so that no newcomer can take it first. */
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

// Admission queue: starts a bounded number of requests in each turn of the event loop. Running requests then get
// their answers from Redis and Postgres in between. Without it, all requests of a crowd would be half done at once.

export interface AdmissionQueue {
  /**
   * Starts the work at once while fewer than `atOnce` were started in this turn, else in order of arrival. It does
   * not wait for the work to end.
   * @param start gets 0; if the queue is full it runs at once and gets the number of waiting requests, so that it can
   * refuse
   */
  take(start: (waiting: number) => void): void;
}

export interface AdmissionQueueOptions {
  /**
   * How many are started in one turn. The default takes a few milliseconds, and fills one pipelined query to each
   * store.
   */
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
