// Limits how long a caller waits. The work itself goes on, so it must be safe to ask for again.
export async function withinMs<Answer>(
  ms: number,
  tooLate: () => Error,
  work: () => Promise<Answer>,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate()), ms);
  });
  try {
    return await Promise.race([work(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
