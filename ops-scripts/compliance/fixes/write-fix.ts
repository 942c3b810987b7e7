// Writes the fix of a finding: an AWS CLI command for a live account, otherwise a change of its declaration.

import type { Attachment, Inventory } from '../inventory/inventory.ts';
import { describeRule, type GroupRule } from '../inventory/security-groups.ts';
import { formatTraffic } from '../network/traffic.ts';
import { isDeclared } from '../snapshot.ts';

export function chooseFix(
  { mode, region }: Pick<Inventory, 'mode' | 'region'>,
  fix: { command: string; template: string },
): string {
  if (mode === 'plan') return `In the Terraform configuration: ${inTerraform(fix.template)}`;
  return mode === 'template' ? `In the template: ${fix.template}` : `${fix.command} --region ${region}`;
}

/** For each CloudFormation type or property: its name in the Terraform AWS provider. */
const terraformNames: Record<string, string> = {
  'AWS::RDS::DBInstance': 'aws_rds_cluster_instance',
  AtRestEncryptionEnabled: 'at_rest_encryption_enabled',
  AuthToken: 'auth_token',
  AuthenticationMode: 'authentication_mode',
  AutomaticFailoverEnabled: 'automatic_failover_enabled',
  AvailabilityZone: 'availability_zone',
  BackupRetentionPeriod: 'backup_retention_period',
  DefaultActions: 'default_action',
  DeletionProtection: 'deletion_protection',
  EnableCloudwatchLogsExports: 'enabled_cloudwatch_logs_exports',
  HttpTokens: 'http_tokens',
  MetadataOptions: 'metadata_options',
  MinSize: 'min_size',
  MultiAZ: 'multi_az',
  MultiAZEnabled: 'multi_az_enabled',
  PreferredCacheClusterAZs: 'preferred_cache_cluster_azs',
  PubliclyAccessible: 'publicly_accessible',
  ReplicasPerNodeGroup: 'replicas_per_node_group',
  SslPolicy: 'ssl_policy',
  StorageEncrypted: 'storage_encrypted',
  Subnets: 'subnets',
  TransitEncryptionEnabled: 'transit_encryption_enabled',
  TransitEncryptionMode: 'transit_encryption_mode',
  UserGroupIds: 'user_group_ids',
  VPCZoneIdentifier: 'vpc_zone_identifier',
};

function inTerraform(text: string): string {
  const named = text
    .replace('deletion_protection.enabled in LoadBalancerAttributes', 'enable_deletion_protection')
    .replace('access_logs.s3.enabled in LoadBalancerAttributes', 'enabled in access_logs');
  return named.replaceAll(/AWS::\w+::\w+|\b[A-Z]\w+\b/g, (name) => terraformNames[name] ?? name);
}

/** Writes a fix that removes the rule. Where `keep` names ports, the fix lets the same source in on exactly those. */
export function fixRule(inventory: Inventory, rule: GroupRule, keep: number[] = []): string {
  if (isDeclared(inventory.mode)) {
    const instead = keep.length > 0 ? `, and open tcp ${keep.join(', ')} alone` : '';
    return chooseFix(inventory, { command: '', template: `remove the ${describeRule(rule)}${instead}` });
  }
  const real = rule.id?.startsWith('sgr-');
  const which = real ? `--security-group-rule-ids ${rule.id}` : `--ip-permissions '${permission(rule)}'`;
  const tail = `--region ${inventory.region}`;
  const revoke = `aws ec2 revoke-security-group-ingress --group-id ${rule.groupId} ${which} ${tail}`;
  const again = keep.map(
    (port) =>
      `aws ec2 authorize-security-group-ingress --group-id ${rule.groupId} --ip-permissions '${permission({ ...rule, traffic: { protocol: 'tcp', fromPort: port, toPort: port } })}' ${tail}`,
  );
  return [...again, revoke].join(' && ');
}

/**
 * Writes a fix that detaches the group from an interface that must not have it. It removes the rule instead where the
 * interface is unknown or belongs to a part.
 */
export function fixAttachment(
  inventory: Inventory,
  attachment: Attachment,
  groupId: string,
  rule: GroupRule,
): string {
  const eni = attachment.eni;
  if (eni === undefined || attachment.owner !== undefined || isDeclared(inventory.mode))
    return fixRule(inventory, rule);
  const rest = eni.groups.filter((id) => id !== groupId);
  const groups = rest.length > 0 ? rest.join(' ') : '<another security group>';
  return eni.id.startsWith('i-')
    ? `aws ec2 modify-instance-attribute --instance-id ${eni.id} --groups ${groups} --region ${inventory.region}`
    : `aws ec2 modify-network-interface-attribute --network-interface-id ${eni.id} --groups ${groups} --region ${inventory.region}`;
}

/** Writes a fix that lets one group send to another on one port. */
export function fixEgress(inventory: Inventory, from: string, to: string, port: number): string {
  return chooseFix(inventory, {
    command: `aws ec2 authorize-security-group-egress --group-id ${from} --ip-permissions 'IpProtocol=tcp,FromPort=${port},ToPort=${port},UserIdGroupPairs=[{GroupId=${to}}]'`,
    template: `add an egress rule to ${from} for tcp ${port} to ${to}`,
  });
}

/** Writes a fix that lets one group into another on one port. */
export function fixIngress(inventory: Inventory, from: string, to: string, port: number): string {
  return chooseFix(inventory, {
    command: `aws ec2 authorize-security-group-ingress --group-id ${to} --protocol tcp --port ${port} --source-group ${from}`,
    template: `add an ingress rule to ${to} for tcp ${port} from ${from}`,
  });
}

function permission({ traffic, peer }: GroupRule): string {
  const protocol = traffic.protocol === 'all' ? '-1' : traffic.protocol;
  const ports = formatTraffic(traffic).startsWith('all ')
    ? protocol === 'tcp' || protocol === 'udp'
      ? ',FromPort=0,ToPort=65535'
      : ''
    : `,FromPort=${traffic.fromPort},ToPort=${traffic.toPort}`;
  const source =
    peer.kind === 'group'
      ? `UserIdGroupPairs=[{GroupId=${peer.id}}]`
      : peer.kind === 'prefix-list'
        ? `PrefixListIds=[{PrefixListId=${peer.id}}]`
        : peer.cidr.includes(':')
          ? `Ipv6Ranges=[{CidrIpv6=${peer.cidr}}]`
          : `IpRanges=[{CidrIp=${peer.cidr}}]`;
  return `IpProtocol=${protocol}${ports},${source}`;
}
