// Semaphore: bounds the work at once, the number that wait, and how long. Beyond that a caller is refused at once.

export interface SemaphoreOptions {
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
