// Which server process this connection speaks to, and in which of its reigns. Floors bear it, so that an emptied, restarted or failed-over Redis makes them unknown, not old.
import type { Redis } from 'ioredis';

export interface RunId {
  /** Undefined while not connected, and until the server has told. */
  current(): string | undefined;
}

/** @param restMs how long after each connect nobody is told yet */
export function trackRunId(redis: Redis, restMs = 0): RunId {
  let runId: string | undefined;
  let connection = 0;
  const learn = async () => {
    const asked = connection;
    const info = await redis.info().catch(() => '');
    const told = identityIn(info);
    if (asked !== connection) return;
    runId = told;
    // A server that is still loading its data answers ready but not yet INFO in time: ask again while this connection lasts.
    if (told === undefined && redis.status === 'ready') setTimeout(learn, 100).unref();
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

/** The run id is the process's; the replication id is new each time that a replica takes over, also one that has been primary before. */
function identityIn(info: string): string | undefined {
  const runId = /run_id:(\w+)/.exec(info)?.[1];
  const reign = /master_replid:(\w+)/.exec(info)?.[1];
  return runId && reign && `${runId}.${reign}`;
}
