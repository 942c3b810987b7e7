// Turns an error into one sentence for the person at the terminal.

/** Never a stack: the sentence, and what lies at its root where that tells more. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isFullDisk(error)) return 'The disk is full: free some space, then start again; what was there is kept';
  const root = rootOf(error);
  return root === error || error.message.includes(root.message)
    ? error.message
    : `${error.message} (${root.message})`;
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

function isFullDisk(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  // 53100 is Postgres's disk_full.
  return code === 'ENOSPC' || code === '53100' || (error.cause instanceof Error && isFullDisk(error.cause));
}
