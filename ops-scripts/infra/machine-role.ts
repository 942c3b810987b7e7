// The machines' IAM role: read their release and secrets, write their log, complete their lifecycle hook.
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { stackTag } from './stack-options.ts';

export interface RoleInput {
  releaseBucket: string;
  secrets: Secret[];
  logGroup: LogGroup;
}

export function addMachineRole(
  scope: Construct,
  id: string,
  { releaseBucket, secrets, logGroup }: RoleInput,
): Role {
  const { partition, region, account } = Stack.of(scope);
  const role = new Role(scope, id, { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  const allow = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
    role.addToPolicy(new PolicyStatement({ actions, resources, ...(conditions ? { conditions } : {}) }));
  allow(['s3:GetObject'], [`arn:${partition}:s3:::${releaseBucket}/releases/*`]);
  for (const secret of secrets) allow(['secretsmanager:GetSecretValue'], [secret.secretArn]);
  logGroup.grantWrite(role);
  allow(
    ['autoscaling:CompleteLifecycleAction'],
    [`arn:${partition}:autoscaling:${region}:${account}:autoScalingGroup:*`],
    { StringEquals: { 'aws:ResourceTag/Stack': stackTag } },
  );
  // The lists of a region cannot be narrowed to one: the API knows no resources there.
  allow(['ec2:DescribeManagedPrefixLists'], ['*']);
  allow(['ec2:GetManagedPrefixListEntries'], [`arn:${partition}:ec2:${region}:aws:prefix-list/*`]);
  return role;
}
