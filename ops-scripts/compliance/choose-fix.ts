// Chooses the fix of a finding: an AWS CLI command for a live account, a change of what declares it otherwise.
import type { Inventory } from './inventory/inventory.ts';

export function chooseFix(
  { mode, region }: Pick<Inventory, 'mode' | 'region'>,
  fix: { command: string; template: string },
): string {
  if (mode === 'plan') return `In the Terraform configuration: ${inTerraform(fix.template)}`;
  return mode === 'template' ? `In the template: ${fix.template}` : `${fix.command} --region ${region}`;
}

/** Names of CloudFormation, and what the AWS provider calls them. */
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
