// An Auto Scaling group over three zones: no public addresses, no SSH keys, no IMDSv1.
// A machine terminates only after its process has stopped.
import { Duration } from 'aws-cdk-lib';
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
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Size } from './sizes.ts';

export interface MachinesInput {
  size: Size['origins'];
  spotPercent: number;
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
    detailedMonitoring: true,
    ebsOptimized: true,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: BlockDeviceVolume.ebs(16, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
      },
    ],
  });
}
