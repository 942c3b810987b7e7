// What the origin stands on, made once in main and handed down; domains ask for the members they need.
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { FencedCache } from './cache/fenced-cache.ts';
import type { Settings } from './config.ts';
import type { Hint } from './outbox/hint.ts';
import type { Db } from './postgres/database.ts';

export interface Deps {
  settings: Settings;
  log: Logger;
  /** The primary. */
  db: Db;
  /** Fails fast; a caller passes over its errors or answers 503. */
  redis: Redis;
  cache: FencedCache;
  /** Call after a commit that wrote to the outbox. */
  hintWorker: Hint;
  /** Milliseconds since 1970; for expiry only, never for order. */
  now: () => number;
}
