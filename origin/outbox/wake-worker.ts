// Wakes the worker after a commit. Where the message is lost, the sweeper finds the row within a second.
import type { RedisClient } from '../redis/connect.ts';

export const outboxChannel = 'outbox-hint';

export type WakeWorker = () => void;

export function createWakeWorker(redis: RedisClient): WakeWorker {
  return () => {
    redis.publish(outboxChannel, '').catch(() => undefined);
  };
}
