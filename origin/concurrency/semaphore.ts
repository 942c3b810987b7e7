// Bounds of work at once: a semaphore, and lanes, by which several kinds of work share one bound.

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
