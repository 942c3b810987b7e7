// Tells errors of an unavailable Redis from refusals of a command.

/** Thrown where it is known without asking. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

/** A server that is loading, a replica, or full; a cluster that is being mended. */
const refusals =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|MISCONF|OOM|NOREPLICAS|UNBLOCKED)\b/;
/** The client's own; they bear no code. */
const words =
  /^(Connection is closed|Command timed out|Stream isn't writeable|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|Socket timeout|None of startup nodes is available)/;
const names = new Set(['RedisAway', 'MaxRetriesPerRequestError', 'ClusterAllFailedError']);

export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return names.has(error.name) || refusals.test(error.message) || words.test(error.message);
}
