// Wakes the worker after a commit. Only a hint: the sweeper finds the row within a second where it is lost.
import type { Redis } from 'ioredis';

export const outboxChannel = 'outbox-hint';

export type Hint = () => void;

export function createHint(redis: Redis): Hint {
  return () => {
    redis.publish(outboxChannel, '').catch(() => undefined);
  };
}
