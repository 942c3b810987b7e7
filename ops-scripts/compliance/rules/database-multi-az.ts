// database-multi-az: an instance with a standby in another zone, or a cluster with members in at least two zones.

import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import type { DatabasePart } from '../parts/part.ts';
import { attempt, known, knownOrAbsent, knownText, readItems, UnknownError } from '../unknown.ts';
import { type Context, defineControl, findInBetween, requireZones, unlessInBetween } from './control.ts';

/** States in which the zones do not change. */
const settled = [
  'available',
  'backing-up',
  'storage-optimization',
  'configuring-enhanced-monitoring',
  'configuring-iam-database-auth',
  'configuring-log-exports',
  'stopped',
];

export const databaseMultiAz = defineControl({
  id: 'database-multi-az',
  kind: 'database',
  title: 'The database survives the loss of an Availability Zone',
  why: 'A database in one zone takes the shop down with that zone, and may lose what was not yet backed up.',
  how: 'An instance has MultiAZ. A cluster (Aurora or Multi-AZ) has members that stand in at least 2 zones, by the zone of each member: the zones where members could stand are no evidence. The compute of Aurora Serverless v1 stands in one zone, and a cluster without instances serves nobody, though storage is kept in three. Read replicas are noted, and need not be Multi-AZ; one whose source is not seen is unknown. A state in between is unknown.',
  blind: 'Replication lag, and whether clients reconnect.',
  remedy: 'aws rds modify-db-instance --db-instance-identifier ID --multi-az --apply-immediately',
  references: ['https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZ.html'],
  needs: ['rds.DescribeDBInstances'],
  consults: ['rds.DescribeDBClusters', 'rds.DescribeDBSubnetGroups', 'ec2.DescribeAvailabilityZones'],
  judge(context, part, verdict) {
    if (part.isReplica) {
      verdict.unknown(
        `${part.name} is a read replica, noted: it need not be Multi-AZ, and its source is not in any answer`,
      );
      return;
    }
    verdict.attempt(() => {
      const state = String(
        known(
          part.flavor === 'cluster' ? part.raw.Status : part.raw.DBInstanceStatus,
          `the state of ${part.name}`,
        ),
      );
      if (!settled.includes(state)) verdict.unknown(`${part.name} is ${state}`);
      if (state === 'stopped') verdict.warn(`${part.name} is stopped`);
    });
    if (part.replicas.length > 0)
      verdict.pass(`${part.replicas.length} read replica${part.replicas.length > 1 ? 's' : ''} noted`);
    if (part.flavor === 'cluster') {
      const states = [part.raw.Status, ...part.members.map(({ DBInstanceStatus }) => DBInstanceStatus)];
      judgeCluster(context, part, unlessInBetween(verdict, part.name, findInBetween(states)));
    } else {
      const state = findInBetween([part.raw.DBInstanceStatus]);
      judgeInstance(context, part, unlessInBetween(verdict, part.name, state));
    }
  },
});

function judgeInstance(
  { inventory }: Context,
  { raw, name }: Extract<DatabasePart, { flavor: 'instance' }>,
  verdict: Verdict,
): void {
  verdict.attempt(() => {
    const multi = known(raw.MultiAZ, `MultiAZ of ${name}`);
    const pending = knownOrAbsent(raw.PendingModifiedValues?.MultiAZ, `pending MultiAZ of ${name}`);
    if (pending !== undefined && pending !== multi)
      verdict.unknown(`MultiAZ of ${name} is about to change to ${pending}`);
    else if (multi === true) {
      const zones = [raw.AvailabilityZone, raw.SecondaryAvailabilityZone].filter(Boolean);
      if (zones.length === 2 && zones[0] === zones[1])
        verdict.fail({ reason: `${name} and its standby are both in ${zones[0]}` });
      else verdict.pass(`MultiAZ${zones.length > 0 ? ` (${zones.join(', ')})` : ''}`);
    } else {
      verdict.fail({
        reason: `${name} is not MultiAZ: no standby in another zone`,
        fix: chooseFix(inventory, {
          command: `aws rds modify-db-instance --db-instance-identifier ${name} --multi-az --apply-immediately`,
          template: `set MultiAZ of ${name} to true`,
        }),
      });
    }
  });
}

function judgeCluster(
  context: Context,
  part: Extract<DatabasePart, { flavor: 'cluster' }>,
  verdict: Verdict,
): void {
  const { raw, name } = part;
  if (raw.EngineMode === 'serverless') {
    verdict.fail({
      reason: `${name} is Aurora Serverless v1, whose compute stands in one zone`,
    });
    return;
  }
  const { ids, zones, unknownReasons, areAll } = readMembers(part, verdict);
  const enough = attempt(
    () => context.inventory.zones.count(zones).length,
    (reason) => unknownReasons.push(reason),
  );
  // Each instance is in one zone. With fewer instances than zones needed, unknown zones cannot change the verdict.
  if (unknownReasons.length > 0 && areAll && ids.length > 0 && ids.length < context.minZones) {
    verdict.fail({
      reason: `${name} has ${ids.length === 1 ? 'one instance' : `${ids.length} instances`} only, which ${ids.length === 1 ? 'stands' : 'stand'} in fewer than ${context.minZones} zones`,
      fix: fixMember(context, name, raw.Engine, ids.length + 1),
    });
    return;
  }
  // Once the known members are in enough zones, unknown members cannot change the verdict.
  if (unknownReasons.length > 0 && (enough ?? 0) < context.minZones) {
    unknownReasons.forEach(verdict.unknown);
    return;
  }
  if (ids.length === 0) {
    verdict.fail({
      reason: `${name} has no instance: nothing serves what its storage keeps in several zones`,
      fix: fixMember(context, name, raw.Engine, 1),
    });
    return;
  }
  const fix = fixMember(context, name, raw.Engine, ids.length + 1);
  verdict.attempt(() => requireZones(context, { what: `${ids.length} members`, names: zones, fix }, verdict));
}

function readMembers({ raw, name, members }: Extract<DatabasePart, { flavor: 'cluster' }>, verdict: Verdict) {
  const ids = new Set(members.map(({ DBInstanceIdentifier }) => String(DBInstanceIdentifier)));
  const zones: string[] = [];
  const unknownReasons: string[] = [];
  const onUnknown = (reason: string) => void unknownReasons.push(reason);
  const add = (member: { DBInstanceIdentifier?: string | undefined }) =>
    ids.add(knownText(member.DBInstanceIdentifier, `a member of ${name}`));
  readItems(raw.DBClusterMembers, `members of ${name}`, add, onUnknown);
  const areAll = unknownReasons.length === 0;
  for (const id of ids) {
    attempt(() => {
      const member = members.find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === id);
      if (member === undefined) throw new UnknownError(`member ${id} of ${name} is not in any answer`);
      const state = knownOrAbsent(member.DBInstanceStatus, `the state of ${id}`);
      if (state !== undefined && !settled.includes(state)) verdict.unknown(`member ${id} is ${state}`);
      zones.push(known(member.AvailabilityZone, `the zone of ${id}`));
    }, onUnknown);
  }
  return { ids: [...ids], zones, unknownReasons, areAll };
}

function fixMember(
  { inventory }: Context,
  cluster: string,
  engine: string | undefined,
  number: number,
): string {
  return chooseFix(inventory, {
    command: `aws rds create-db-instance --db-cluster-identifier ${cluster} --db-instance-identifier ${cluster}-${number} --engine ${engine} --db-instance-class <class> --availability-zone <another zone>`,
    template: `add an AWS::RDS::DBInstance to ${cluster} in another AvailabilityZone`,
  });
}
