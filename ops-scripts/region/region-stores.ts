// The stores of a region, and the addresses by which everyone else reaches them.
import { join } from 'node:path';
import { findFreePort } from '../local/ports.ts';
import type { RunningBalancer, StoreEndpoint } from './balancer.ts';
import { type PostgresCluster, startPostgresCluster } from './postgres-cluster.ts';
import { createPrimary, describeMember, type PostgresMember } from './postgres-member.ts';
import {
  describeRedisMember,
  type RedisMember,
  type RedisPair,
  startRedisMember,
  startRedisPair,
} from './redis-pair.ts';

export interface StorePlaces {
  postgres: { primary: PostgresMember; standby: PostgresMember; replica: PostgresMember };
  redis: { primary: RedisMember; replica: RedisMember };
  /** For the balancer. */
  endpoints: StoreEndpoint[];
  /** The addresses that lead to the present primaries. */
  databaseUrl: string;
  redisUrl: string;
}

export interface PlaceOptions {
  regionFolder: string;
  toolsFolder: string;
  /** A folder with one for each Postgres server, which may be a disk of its own. */
  postgresDisks?: string | undefined;
  passwords: { postgres: string; redis: string };
}

/** Chooses names, folders and ports, which stay the same as long as the region lives. */
export async function placeStores({
  regionFolder,
  toolsFolder,
  postgresDisks = regionFolder,
  passwords,
}: PlaceOptions): Promise<StorePlaces> {
  const postgres = async (zone: string) =>
    describeMember({
      name: `postgres-${zone}1`,
      zone,
      port: await findFreePort(),
      password: passwords.postgres,
      folder: join(postgresDisks, `postgres-${zone}1`, 'data'),
      logFile: join(regionFolder, 'logs', `postgres-${zone}1.log`),
    });
  const redis = async (zone: string) =>
    describeRedisMember({
      name: `redis-${zone}1`,
      zone,
      port: await findFreePort(),
      password: passwords.redis,
      toolsFolder,
      regionFolder,
    });
  const postgresMembers = {
    primary: await postgres('a'),
    standby: await postgres('b'),
    replica: await postgres('c'),
  };
  const redisMembers = { primary: await redis('a'), replica: await redis('b') };
  const endpoint = async (
    name: string,
    members: { name: string; port: number }[],
  ): Promise<StoreEndpoint> => ({
    name,
    port: await findFreePort(),
    members: members.map((member) => ({ name: member.name, port: member.port })),
    leadsTo: members[0]?.name,
  });
  const endpoints = [
    await endpoint('postgres', [postgresMembers.primary, postgresMembers.standby]),
    await endpoint('redis', [redisMembers.primary, redisMembers.replica]),
  ] as const;
  return {
    postgres: postgresMembers,
    redis: redisMembers,
    endpoints: [...endpoints],
    databaseUrl: atPort(postgresMembers.primary.url, endpoints[0].port),
    redisUrl: atPort(redisMembers.primary.url, endpoints[1].port),
  };
}

/** Starts the two primaries. The followers come later, as copies. */
export async function startPrimaries(places: StorePlaces, signal: AbortSignal): Promise<void> {
  await Promise.all([
    createPrimary(places.postgres.primary, signal),
    startRedisMember(places.redis.primary, undefined, signal),
  ]);
}

export interface RegionStores {
  postgres: PostgresCluster;
  redis: RedisPair;
  /** Resolves when every follower follows. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowOptions {
  places: StorePlaces;
  balancer: RunningBalancer;
  onEvent: (sentence: string) => void;
  onStarted: (member: PostgresMember | RedisMember) => void;
}

/** Looks after the stores from here on: builds followers and replaces lost servers. */
export function keepStores({ places, balancer, onEvent, onStarted }: FollowOptions): RegionStores {
  const postgres = startPostgresCluster({
    topology: places.postgres,
    endpoint: balancer.endpoint('postgres', places.databaseUrl),
    onEvent,
    onStarted,
  });
  const redis = startRedisPair({
    ...places.redis,
    endpoint: balancer.endpoint('redis', places.redisUrl),
    onEvent,
    onStarted,
  });
  return {
    postgres,
    redis,
    whole: async () => {
      await Promise.all([postgres.whole(), redis.whole()]);
    },
    stop: async () => {
      await Promise.all([postgres.stop(), redis.stop()]);
    },
  };
}

function atPort(url: string, port: number): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}
