// Turns CloudFormation templates into the snapshot that AWS would give after deployment.
import { emptySnapshot, type Snapshot, unknownInTemplate } from '../snapshot.ts';
import { answerAutoScaling } from './auto-scaling.ts';
import { answerBalancers } from './balancers.ts';
import { answerCaches } from './caches.ts';
import { answerDatabases, answerProxies } from './databases.ts';
import { Draft } from './draft.ts';
import { mayBeChanged, withUncertain } from './handed-groups.ts';
import { answerNetwork } from './network.ts';
import { isRecord, type Template } from './parse-template.ts';
import { outputsOf, recordsOf, resourcesOf } from './resources.ts';
import type { Scope, TemplateOptions } from './scope.ts';
import { answerSecurityGroups } from './security-groups.ts';
import { openSystem } from './system.ts';

/**
 * All templates form one account: one stack can import the exports of another, and nested stacks are followed. Unknowns
 * that have only a few possible values are added to `choosable`.
 */
export function snapshotFromParsed(
  templates: Template[],
  options: TemplateOptions,
  choosable?: Map<string, unknown[]>,
): Snapshot {
  const snapshot = emptySnapshot(options.account, options.region, new Date());
  const stacks = openSystem(templates, options);
  const draft = new Draft(snapshot, withUncertain(resourcesOf(stacks)), outputsOf(stacks));
  answerAll(draft);
  markAllUnknown(draft, whyIncomplete(templates, stacks));
  for (const [key, values] of stacks[0]?.system.choosable ?? []) choosable?.set(key, values);
  return snapshot;
}

/** Answers every call that declared resources can answer. */
export function answerAll(draft: Draft): void {
  answerNetwork(draft);
  answerSecurityGroups(draft);
  answerBalancers(draft);
  answerAutoScaling(draft);
  answerCaches(draft);
  answerDatabases(draft);
  answerProxies(draft);
  answerDns(draft);
  markChangeable(draft);
}

const partTypes =
  /^AWS::(ElasticLoadBalancingV2::LoadBalancer|AutoScaling::AutoScalingGroup|ElastiCache::(ReplicationGroup|CacheCluster|ServerlessCache)|RDS::DB(Instance|Cluster))$/;

const arns = ['LoadBalancerArn', 'AutoScalingGroupARN', 'ARN', 'DBInstanceArn', 'DBClusterArn'];

/** Marks parts whose name a custom resource gets. It may change them, so no control passes them. */
function markChangeable(draft: Draft): void {
  const reasons = new Map(
    draft.resources.flatMap((resource) => {
      const name = nameProperties.map((property) => resource.properties[property]).find(Boolean);
      const why = partTypes.test(resource.type) ? mayBeChanged(draft, resource, name) : undefined;
      return why === undefined ? [] : [[resource.id, why.$unknown] as const];
    }),
  );
  if (reasons.size === 0) return;
  const lists = Object.values(draft.snapshot.calls).flatMap((call) =>
    call.ok ? Object.values(call.result) : [],
  );
  for (const item of lists.flat().filter(isRecord)) {
    const why = arns.map((name) => reasons.get(String(item[name]))).find(Boolean);
    if (why !== undefined && item['ListenerArn'] === undefined) item['MayChange'] = why;
  }
}

const nameProperties = [
  'Name',
  'AutoScalingGroupName',
  'ReplicationGroupId',
  'ClusterName',
  'ServerlessCacheName',
  'DBInstanceIdentifier',
  'DBClusterIdentifier',
];

/** AWS transforms that are evaluated here, or that do not affect any control. */
const readTransforms = /^AWS::(Serverless-|LanguageExtensions$|CodeDeployBlueGreen$|SecretsManager-)/;

/** Why resources may be missing or different from what is read here. */
function whyIncomplete(templates: Template[], stacks: Scope[]): string | undefined {
  const made = stacks
    .flatMap(({ resources }) => Object.entries(resources))
    .find(([id, resource]) => id.startsWith('Fn::') || 'Fn::Transform' in resource);
  if (made !== undefined) return `the resources of ${made[0]} are not read`;
  const macro = templates
    .flatMap(({ Transform }) => Transform)
    .map((transform) => (isRecord(transform) ? transform['Name'] : transform))
    .find((name) => typeof name !== 'string' || !readTransforms.test(name));
  return macro === undefined ? undefined : `the macro ${String(macro)} in Transform may rewrite the template`;
}

/** Makes every call of the snapshot fail, because no list is complete. */
export function markAllUnknown(draft: Draft, why: string | undefined): void {
  if (why === undefined) return;
  const error = { name: unknownInTemplate, message: why };
  for (const key of Object.keys(draft.snapshot.calls)) draft.snapshot.calls[key] = { ok: false, error };
}

/** Hosted zones and their record sets, which a template declares one by one or in groups. */
function answerDns(draft: Draft): void {
  const single = draft.of('AWS::Route53::RecordSet').map((resource) => resource.properties);
  const grouped = draft.of('AWS::Route53::RecordSetGroup').flatMap(({ properties }) =>
    recordsOf(properties['RecordSets']).map((record) => ({
      HostedZoneId: properties['HostedZoneId'],
      HostedZoneName: properties['HostedZoneName'],
      ...record,
    })),
  );
  const zones = draft
    .of('AWS::Route53::HostedZone')
    .map(({ id, properties }) => ({ Id: id, Name: properties['Name'] }));
  const records: Record<string, unknown>[] = [...single, ...grouped];
  const elsewhere = records
    .map((record) => record['HostedZoneId'] ?? record['HostedZoneName'])
    .filter((zone): zone is string => typeof zone === 'string' && zones.every(({ Id }) => Id !== zone));
  const HostedZones = [...zones, ...[...new Set(elsewhere)].map((zone) => ({ Id: zone, Name: zone }))];
  draft.answer('route53', 'ListHostedZones', { HostedZones });
  for (const { Id } of HostedZones) {
    const ResourceRecordSets = records.filter(
      (record) => (record['HostedZoneId'] ?? record['HostedZoneName']) === Id,
    );
    draft.answer('route53', 'ListResourceRecordSets', { ResourceRecordSets }, { HostedZoneId: Id });
  }
}
