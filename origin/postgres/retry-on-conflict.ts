// Runs a transaction again after a deadlock, a serialisation failure or a conflicting row; twice at most.
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
