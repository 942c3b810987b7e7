// Awaits several starts and keeps each result, so that all can be stopped where one fails.
/** Waits for all, also when one fails: whatever was started is then known, and stopped. */
export async function allOrFirstFailure<T>(work: (Promise<T> | T)[]): Promise<T[]> {
  const ends = await Promise.allSettled(work);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}
