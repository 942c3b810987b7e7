// A deadlock or a serialisation failure undoes the whole transaction and says so; doing it again is what Postgres asks for. Twice.
const deadlockDetected = '40P01';
const serializationFailure = '40001';
const mostRetries = 2;

export async function retryOnConflict<T>(transact: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await transact();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      const conflicted = code === deadlockDetected || code === serializationFailure;
      if (!conflicted || retries >= mostRetries) throw error;
    }
  }
}
