// Which server process this connection speaks to. Floors bear it, so that an emptied, restarted or failed-over Redis makes them unknown, not old.
import type { Redis } from 'ioredis';

export interface RunId {
  /** Undefined while not connected, and until the server has told. */
  current(): string | undefined;
}

export function trackRunId(redis: Redis): RunId {
  let runId: string | undefined;
  let connection = 0;
  const learn = async () => {
    const asked = connection;
    const info = await redis.info('server').catch(() => '');
    const told = /run_id:(\w+)/.exec(info)?.[1];
    if (asked !== connection) return;
    runId = told;
    // A server that is still loading its data answers ready but not yet INFO in time: ask again while this connection lasts.
    if (told === undefined && redis.status === 'ready') setTimeout(learn, 100).unref();
  };
  redis.on('ready', learn);
  redis.on('close', () => {
    connection += 1;
    runId = undefined;
  });
  if (redis.status === 'ready') void learn();
  return { current: () => runId };
}
