// Wakes the worker after a commit. Only a hint: the sweeper finds the row within a second where it is lost.
import type { RedisClient } from '../redis/connect.ts';

export const outboxChannel = 'outbox-hint';

export type WakeWorker = () => void;

export function createWakeWorker(redis: RedisClient): WakeWorker {
  return () => {
    redis.publish(outboxChannel, '').catch(() => undefined);
  };
}
