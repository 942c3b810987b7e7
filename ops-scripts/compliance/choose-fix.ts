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
  AutomaticFailoverEnabled: 'automatic_failover_enabled',
  AvailabilityZone: 'availability_zone',
  MinSize: 'min_size',
  MultiAZ: 'multi_az',
  MultiAZEnabled: 'multi_az_enabled',
  PreferredCacheClusterAZs: 'preferred_cache_cluster_azs',
  ReplicasPerNodeGroup: 'replicas_per_node_group',
  Subnets: 'subnets',
  VPCZoneIdentifier: 'vpc_zone_identifier',
};

function inTerraform(text: string): string {
  return text.replaceAll(/AWS::\w+::\w+|\b[A-Z]\w+\b/g, (name) => terraformNames[name] ?? name);
}
