// Classifies errors of Postgres: unavailable (the outcome may be unknown), too slow, or worth a retry.
// Retries conflicts.

/** Judges by SQLSTATE. Errors without one are the driver's timeouts and broken sockets. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return true;
  // 08 connection, 25006 read-only after a failover, 53 no disk, memory or connections left, 57P0x shutting down,
  // 57014 statement timeout, 58 operating system.
  return /^(08|53|57P|58)/.test(state) || state === '25006' || state === '57014';
}

/** Whether an error of unknown origin means that Postgres is unavailable. */
export function isPostgresAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return isUnavailable(error);
  if (/^(ECONN|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|EPIPE)/.test(codeOf(error) ?? '')) return true;
  // The driver's timeouts and broken sockets have only a message.
  return (
    error instanceof Error &&
    /^(timeout expired|timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error)/.test(
      error.message,
    )
  );
}

/** It was given a text that it cannot store: one with a NUL character. Nothing of ours writes one. */
export function isUnstorableText(error: unknown): boolean {
  return ['22021', '22P05'].includes(sqlState(error) ?? '');
}

/** Its deadline passed: the server may be frozen, or have too much to do, or the statement too much to look at. */
export function isTooSlow(error: unknown): boolean {
  if (sqlState(error) === '57014') return true;
  return (
    error instanceof Error && /^(timeout expired|timeout exceeded|Query read timeout)/.test(error.message)
  );
}

/** No answer arrived, so the outcome is unknown. */
export function isConnectionLost(error: unknown): boolean {
  return sqlState(error) === undefined || /^(08|57P)/.test(sqlState(error)!);
}

/** No server listens at the address, so that a second attempt is needless. */
export function isRefused(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EHOSTUNREACH';
}

/**
 * A deadlock, serialisation failure, lock timeout, or an operation id that another batch recorded: a retry may
 * succeed.
 */
export function isWorthAnotherTry(error: unknown): boolean {
  return ['40P01', '40001', '55P03', '23505'].includes(sqlState(error) ?? '');
}

/** Another row has the value already. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** Codes of Node, such as EPIPE, do not match this pattern. */
function sqlState(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9FHPX][0-9A-Z]{4}$/.test(code) ? code : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const mostRetries = 2;

/** Runs a transaction again after a deadlock, a serialisation failure or a conflicting row, at most twice. */
export async function retryOnConflict<T>(transact: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await transact();
    } catch (error) {
      if (!isWorthAnotherTry(error) || retries >= mostRetries) throw error;
    }
  }
}
