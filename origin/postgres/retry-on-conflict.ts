// A deadlock, a serialisation failure or a row that somebody else made meanwhile undoes the whole transaction and says so; doing it again is what
// Postgres asks for. Twice.
import { isWorthAnotherTry } from './postgres-errors.ts';

const mostRetries = 2;

export async function retryOnConflict<T>(transact: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await transact();
    } catch (error) {
      if (!isWorthAnotherTry(error) || retries >= mostRetries) throw error;
    }
  }
}
