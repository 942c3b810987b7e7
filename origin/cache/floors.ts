// The floors of all tags, kept in Redis: read, raised, and made known again from the primary where Redis has forgotten them.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { TagVersions } from '../outbox/events.ts';
import type { Db } from '../postgres/database.ts';
import { type RunId, trackRunId } from '../redis/run-id.ts';
import { defineCacheScripts } from './floor-scripts.ts';
import { readTagVersions, type TagVersionReader } from './tag-versions.ts';

/** `unreadable`: Redis is away, or others are just finding out; nothing from a cache may be served. */
export type Verdict = 'above' | 'below' | 'unreadable';

export interface Floors {
  /** Whether every tag is at or above its floor, by floors read after this call began. */
  check(tags: TagVersions): Promise<Verdict>;
  /** Max-merge. @throws where Redis or (for a floor that it has forgotten) the primary is away. */
  raise(tags: TagVersions): Promise<void>;
}

export interface FloorsOptions {
  redis: Redis;
  /** The primary: a replica's version could be an older one. */
  db: Db;
  readers: TagVersionReader[];
  /** Which server process answers; told by the connection unless given. */
  server?: RunId;
}

const floorSeconds = 24 * 60 * 60;
const leaseMs = 5_000;

export function createFloors(options: FloorsOptions): Floors {
  defineCacheScripts(options.redis);
  const server = options.server ?? trackRunId(options.redis);
  return {
    check: (tags) => checkFloors(options, server, tags),
    raise: (tags) => raiseFloors(options, server, tags),
  };
}

async function checkFloors(options: FloorsOptions, server: RunId, tags: TagVersions): Promise<Verdict> {
  const names = Object.keys(tags);
  if (names.length === 0) return 'above';
  const stored = await options.redis.mget(names.map(floorKey));
  const runId = server.current();
  if (runId === undefined) return 'unreadable';
  const unknown: string[] = [];
  for (const [index, tag] of names.entries()) {
    const floor = parseFloor(stored[index], runId);
    if (floor === undefined) unknown.push(tag);
    else if (tags[tag]! < floor) return 'below';
  }
  if (unknown.length === 0) return 'above';
  const settled = await settle(options, runId, unknown, 'if-free');
  if (settled === undefined) return 'unreadable';
  return unknown.every((tag) => tags[tag]! >= settled[tag]!) ? 'above' : 'below';
}

async function raiseFloors(options: FloorsOptions, server: RunId, tags: TagVersions): Promise<void> {
  const runId = server.current();
  if (runId === undefined) throw new Error('Cannot raise floors as Redis is not connected');
  const unknown: string[] = [];
  for (const [tag, raised] of await raiseKnown(options.redis, runId, tags)) {
    if (!raised) unknown.push(tag);
  }
  // A lease is taken over here, never waited for: whoever holds it may have asked the primary before this change.
  if (unknown.length > 0 && (await settle(options, runId, unknown, 'take-over')) === undefined) {
    throw new Error('Cannot raise floors as their leases were lost');
  }
}

async function raiseKnown(redis: Redis, runId: string, tags: TagVersions): Promise<[string, boolean][]> {
  return Promise.all(
    Object.entries(tags).map(async ([tag, version]): Promise<[string, boolean]> => {
      return [tag, (await redis.raiseFloor(floorKey(tag), runId, version, floorSeconds)) === 1];
    }),
  );
}

/** Lease, then ask the primary, then set: a change that commits later raises the floor itself and takes the lease away. */
async function settle(
  { redis, db, readers }: FloorsOptions,
  runId: string,
  tags: string[],
  how: 'if-free' | 'take-over',
): Promise<TagVersions | undefined> {
  const token = randomUUID();
  const leased = await Promise.all(
    tags.map((tag) =>
      how === 'if-free'
        ? redis.set(leaseKey(tag), token, 'PX', leaseMs, 'NX')
        : redis.set(leaseKey(tag), token, 'PX', leaseMs),
    ),
  );
  if (leased.some((answer) => answer !== 'OK')) return undefined;
  const versions = await readTagVersions(db, readers, tags);
  const settled = await Promise.all(
    tags.map((tag) =>
      redis.settleFloor(floorKey(tag), leaseKey(tag), token, runId, versions[tag]!, floorSeconds),
    ),
  );
  return settled.every((answer) => answer === 1) ? versions : undefined;
}

function parseFloor(stored: string | null | undefined, runId: string): number | undefined {
  if (!stored?.startsWith(`${runId}:`)) return undefined;
  return Number(stored.slice(runId.length + 1));
}

function floorKey(tag: string): string {
  return `floor:{${tag}}`;
}

function leaseKey(tag: string): string {
  return `floor-lease:{${tag}}`;
}
