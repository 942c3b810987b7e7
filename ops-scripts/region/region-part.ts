// The public description of a region's part: name, kind, zone, pid, address and state.
import type { Part } from '../local/part.ts';
import type { Fleet, FleetMember } from './fleet.ts';
import type { RegionStores } from './region-stores.ts';

export type PartKind =
  | 'origin'
  | 'worker'
  | 'edge'
  | 'balancer'
  | 'postgres-primary'
  | 'postgres-standby'
  | 'postgres-replica'
  | 'redis-primary'
  | 'redis-replica';

export interface RegionPart {
  name: string;
  kind: PartKind;
  zone: string;
  /** The process that listens. */
  pid: number;
  /** Its own address, credentials included. */
  url: string;
  /** What happens when it is lost: it comes back on the same address, or stays away. */
  restart: 'always' | 'never';
}

export interface StandingParts {
  balancer: { process: Part; url: string };
  members: FleetMember[];
  fleet: Fleet;
  stores: RegionStores;
}

/** As they are at this moment: a store's kind follows its role. */
export function listParts({ balancer, members, fleet, stores }: StandingParts): RegionPart[] {
  const part = (
    place: { name: string; zone: string; url: string },
    kind: PartKind,
    process: Part | undefined,
  ): RegionPart[] => {
    if (process === undefined) return [];
    const { name, zone, url } = place;
    return [{ name, kind, zone, pid: process.pid, url, restart: 'always' }];
  };
  const { primary, standby, replica } = stores.postgres.topology();
  const redis = { primary: stores.redis.primary(), replica: stores.redis.replica() };
  return [
    ...part({ name: 'balancer', zone: 'region', url: balancer.url }, 'balancer', balancer.process),
    ...members.flatMap((member) => part(member, member.kind, fleet.processOf(member.name))),
    ...part(primary, 'postgres-primary', primary.server),
    ...part(standby, 'postgres-standby', standby.server),
    ...part(replica, 'postgres-replica', replica.server),
    ...part(redis.primary, 'redis-primary', redis.primary.server),
    ...part(redis.replica, 'redis-replica', redis.replica.server),
  ];
}
