// An Auto Scaling group over three zones with its IAM role: no public addresses, no SSH keys, no IMDSv1.
import { Duration, Stack, Tags } from 'aws-cdk-lib';
import {
  AdditionalHealthCheckType,
  AutoScalingGroup,
  type CfnAutoScalingGroup,
  DefaultResult,
  GroupMetrics,
  HealthChecks,
  InstanceRefreshStrategy,
  LifecycleTransition,
  OnDemandAllocationStrategy,
  ScalingEvents,
  SpotAllocationStrategy,
  UpdatePolicy,
} from 'aws-cdk-lib/aws-autoscaling';
import type { IAlarmRef } from 'aws-cdk-lib/aws-cloudwatch';
import {
  AmazonLinuxCpuType,
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  MachineImage,
  type SecurityGroup,
  SubnetType,
  UserData,
  type Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { IApplicationTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type Size, stackTag } from './stack-options.ts';

interface MachinesInput {
  entry: 'origin' | 'worker';
  size: Size['origins'];
  spotPercent: number;
  detailedMonitoring: boolean;
  volumeGib: number;
  vpc: Vpc;
  securityGroup: SecurityGroup;
  role: Role;
  boot: string[];
  drainHook: string;
  targets: IApplicationTargetGroup;
  topic: ITopic;
  /** An alarm among these takes a refresh back. */
  refreshAlarms: IAlarmRef[];
}

/** Longer than deregistration, drain and stop together. */
const drainHookTimeout = Duration.seconds(180);
const warmup = Duration.seconds(90);

export function addMachines(scope: Construct, id: string, input: MachinesInput): AutoScalingGroup {
  const { size, vpc } = input;
  const group = new AutoScalingGroup(scope, id, {
    vpc,
    vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
    minCapacity: size.min,
    maxCapacity: size.max,
    mixedInstancesPolicy: {
      launchTemplate: addLaunchTemplate(scope, id, input),
      launchTemplateOverrides: size.instanceTypes.map((type) => ({ instanceType: new InstanceType(type) })),
      instancesDistribution: {
        onDemandAllocationStrategy: OnDemandAllocationStrategy.PRIORITIZED,
        onDemandBaseCapacity: size.min,
        onDemandPercentageAboveBaseCapacity: 100 - input.spotPercent,
        spotAllocationStrategy: SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
      },
    },
    capacityRebalance: input.spotPercent > 0,
    healthChecks: HealthChecks.withAdditionalChecks({
      additionalTypes: [AdditionalHealthCheckType.ELB],
      gracePeriod: Duration.minutes(4),
    }),
    defaultInstanceWarmup: warmup,
    groupMetrics: [GroupMetrics.all()],
    notifications: [{ topic: input.topic, scalingEvents: ScalingEvents.ALL }],
    // New machines first, then the old ones go: capacity never falls below what is wanted.
    updatePolicy: UpdatePolicy.instanceRefresh({
      strategy: InstanceRefreshStrategy.ROLLING,
      minHealthyPercentage: 100,
      maxHealthyPercentage: 150,
      instanceWarmup: warmup,
      bakeTime: Duration.minutes(5),
      alarms: input.refreshAlarms,
    }),
  });
  // By it `ops aws run` finds a machine.
  Tags.of(group).add('Part', input.entry);
  group.attachToApplicationTargetGroup(input.targets);
  group.addLifecycleHook('Drain', {
    lifecycleHookName: input.drainHook,
    lifecycleTransition: LifecycleTransition.INSTANCE_TERMINATING,
    heartbeatTimeout: drainHookTimeout,
    // A machine that cannot say that it has drained goes all the same.
    defaultResult: DefaultResult.CONTINUE,
  });
  // Instance refresh by CloudFormation is of July 2026; linters do not know it yet.
  (group.node.defaultChild as CfnAutoScalingGroup).addMetadata('cfn-lint', {
    config: { ignore_checks: ['E3016'] },
  });
  group.scaleOnCpuUtilization('Processor', { targetUtilizationPercent: 50 });
  return group;
}

function addLaunchTemplate(scope: Construct, id: string, input: MachinesInput): LaunchTemplate {
  const userData = UserData.forLinux();
  userData.addCommands(...input.boot);
  return new LaunchTemplate(scope, `${id}Machine`, {
    machineImage: MachineImage.latestAmazonLinux2023({ cpuType: AmazonLinuxCpuType.ARM_64 }),
    instanceType: new InstanceType(input.size.instanceTypes[0]),
    securityGroup: input.securityGroup,
    role: input.role,
    userData,
    requireImdsv2: true,
    httpTokens: LaunchTemplateHttpTokens.REQUIRED,
    httpPutResponseHopLimit: 1,
    instanceMetadataTags: true,
    associatePublicIpAddress: false,
    detailedMonitoring: input.detailedMonitoring,
    ebsOptimized: true,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: BlockDeviceVolume.ebs(input.volumeGib, {
          encrypted: true,
          volumeType: EbsDeviceVolumeType.GP3,
        }),
      },
    ],
  });
}

/**
 * The machines' IAM role: read their release and secrets, write their log, complete their hook, obey Systems Manager.
 */
interface RoleInput {
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
  allow(
    ['s3:GetObject'],
    ['releases', 'imports'].map((folder) => `arn:${partition}:s3:::${releaseBucket}/${folder}/*`),
  );
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
  const messages = [
    'AcknowledgeMessage',
    'DeleteMessage',
    'FailMessage',
    'GetEndpoint',
    'GetMessages',
    'SendReply',
  ].map((name) => `ec2messages:${name}`);
  // What the agent of Systems Manager needs for shells and one-off commands; these calls know no resources.
  allow(['ssm:UpdateInstanceInformation', ...messages], ['*']);
  const channels = ['Create', 'Open'].flatMap((verb) => [`${verb}ControlChannel`, `${verb}DataChannel`]);
  allow(
    channels.map((name) => `ssmmessages:${name}`),
    ['*'],
  );
  return role;
}
