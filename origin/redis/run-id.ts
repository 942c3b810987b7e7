// Tracks which Redis server process a connection reaches. Floors carry this run id, so that after FLUSHALL, restart or
// failover they are unknown rather than old.
import type { Redis } from 'ioredis';

export interface RunId {
  /** Undefined while not connected, and until the server has answered. */
  current(): string | undefined;
}

/** @param restMs how long after each connect the run id stays unknown */
export function trackRunId(redis: Redis, restMs = 0): RunId {
  let runId: string | undefined;
  let connection = 0;
  const learn = async () => {
    const asked = connection;
    const info = await redis.info().catch(() => '');
    const answered = identityIn(info);
    if (asked !== connection) return;
    runId = answered;
    // A server that is still loading its data answers ready but not yet INFO in time: ask again while this
    // connection lasts.
    if (answered === undefined && redis.status === 'ready') setTimeout(learn, 100).unref();
  };
  const begin = () => {
    if (restMs === 0) return void learn();
    const asked = connection;
    setTimeout(() => asked === connection && learn(), restMs).unref();
  };
  redis.on('ready', begin);
  redis.on('close', () => {
    connection += 1;
    runId = undefined;
  });
  if (redis.status === 'ready') begin();
  return { current: () => runId };
}

/**
 * The run id is the process's; the replication id is new each time that a replica takes over, also one that has been
 * primary before.
 */
function identityIn(info: string): string | undefined {
  const runId = /run_id:(\w+)/.exec(info)?.[1];
  const replicationId = /master_replid:(\w+)/.exec(info)?.[1];
  return runId && replicationId && `${runId}.${replicationId}`;
}
