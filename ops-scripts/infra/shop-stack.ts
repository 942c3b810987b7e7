// The whole shop on AWS, and the rules of cdk-nag that it breaks on purpose.
import {
  type App,
  CfnOutput,
  Fn,
  LegacyStackSynthesizer,
  RemovalPolicy,
  Stack,
  Tags,
  Validations,
} from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { addJobAlarms, addMachineAlarms, addShopperAlarms, addStoreAlarms, addTopic } from './alarms.ts';
import { addBackupCopies } from './backups.ts';
import { addBalancer, addFirewall } from './balancer.ts';
import { type BootInput, bootScript } from './boot-script.ts';
import { addDelivery, addDns, addLogBucket, addMail, balancerName } from './delivery.ts';
import { addMachineRole, addMachines } from './machines.ts';
import { addNetwork, addSecurityGroups, vpcCidr } from './network.ts';
import { addSecrets, declareParameters, type Secrets } from './parameters.ts';
import { type StackOptions, stackTag } from './stack-options.ts';
import { addAurora, addCache, addDatabase, databaseName } from './stores.ts';

const drainHook = 'drain';
/** Not every region's schema has tags on them yet. */
const untaggable = ['AWS::ElasticLoadBalancingV2::Listener', 'AWS::ElasticLoadBalancingV2::ListenerRule'];

/** What stands before the machines are added. */
interface Standing {
  vpc: ReturnType<typeof addNetwork>;
  groups: ReturnType<typeof addSecurityGroups>;
  secrets: Secrets;
  cache: ReturnType<typeof addCache>;
  database: ReturnType<typeof addDatabase>;
  balancer: ReturnType<typeof addBalancer>;
  parameters: ReturnType<typeof declareParameters>;
  logGroup: LogGroup;
  topic: ReturnType<typeof addTopic>;
  refreshAlarms: ReturnType<typeof addShopperAlarms>;
}

/**
 * The whole shop on AWS: Route 53, CloudFront, load balancer, origins and workers in three zones, cache and
 * database.
 */
export class ShopStack extends Stack {
  constructor(app: App, options: StackOptions) {
    super(app, 'MyClothes', {
      description: `MyClothes.com, ${options.sizeName}`,
      synthesizer: new LegacyStackSynthesizer(),
    });
    Tags.of(this).add('Stack', stackTag, { excludeResourceTypes: untaggable });
    const parameters = declareParameters(this);
    const topic = addTopic(this);
    topic.addSubscription(new EmailSubscription(parameters.operatorEmail));
    const vpc = addNetwork(this, options.size);
    const groups = addSecurityGroups(this, vpc);
    const secrets = addSecrets(this);
    const logs = addLogBucket(this);
    const cache = addCache(this, options.size.cache, { vpc, groups, secrets });
    const database = (options.aurora ? addAurora : addDatabase)(this, options, {
      vpc,
      groups,
      secrets,
      parameters,
    });
    const balancer = addBalancer(this, { vpc, groups, secrets, parameters, logs });
    const refreshAlarms = addShopperAlarms(this, balancer, topic);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const standing = {
      vpc,
      groups,
      secrets,
      cache,
      database,
      balancer,
      parameters,
      logGroup,
      topic,
      refreshAlarms,
    };
    const origins = this.#addMachines('Origins', 'origin', options, standing);
    const workers = this.#addMachines('Workers', 'worker', options, standing);
    addMachineAlarms(
      this,
      balancer,
      {
        Origins: { group: origins, min: options.size.origins.min },
        Workers: { group: workers, min: options.size.workers.min },
      },
      topic,
    );
    addBackupCopies(this, parameters, database.arn);
    addStoreAlarms(this, database, cache, topic);
    addJobAlarms(this, logGroup, topic);
    addFirewall(this, balancer.balancer);
    const distribution = addDelivery(this, balancerName(parameters), { secrets, parameters, logs });
    addDns(this, parameters, distribution, balancer.balancer);
    addMail(this, parameters);
    acceptRisks(this);
    this.#tellOperators(parameters.domain, secrets);
    new CfnOutput(this, 'LogGroup', { value: logGroup.logGroupName });
  }

  #addMachines(id: string, entry: 'origin' | 'worker', options: StackOptions, standing: Standing) {
    const { vpc, groups, secrets, cache, database, balancer, parameters, logGroup, topic, refreshAlarms } =
      standing;
    const readable = secretsOf(entry, secrets);
    return addMachines(this, id, {
      entry,
      detailedMonitoring: options.size.detailedMonitoring,
      volumeGib: options.size.volumeGib,
      ...(entry === 'origin'
        ? {
            size: options.size.origins,
            spotPercent: options.spotPercent,
            securityGroup: groups.origins,
            targets: balancer.originTargets,
          }
        : {
            size: options.size.workers,
            spotPercent: 0,
            securityGroup: groups.workers,
            targets: balancer.workerTargets,
          }),
      vpc,
      role: addMachineRole(this, `${id}Role`, {
        releaseBucket: parameters.releaseBucket,
        secrets: Object.values(readable),
        logGroup,
      }),
      drainHook,
      topic,
      refreshAlarms,
      boot: bootScript({
        ...parameters,
        entry,
        region: this.region,
        vpcCidr,
        writerAddress: database.writerAddress,
        replicaAddresses: database.replicaAddresses,
        databaseName,
        cacheAddress: cache.primaryAddress,
        cacheNodes: cache.nodes,
        logGroup: logGroup.logGroupName,
        secrets: arnsOf(readable),
        drainHook,
      }),
    });
  }

  #tellOperators(domain: string, { extraSettings, operatorPassword }: Secrets): void {
    new CfnOutput(this, 'Shop', { value: `https://${domain}` });
    new CfnOutput(this, 'Dashboard', { value: `https://operators.${domain}/jobs` });
    new CfnOutput(this, 'ExtraSettingsSecret', { value: extraSettings.secretArn });
    new CfnOutput(this, 'OperatorPasswordSecret', { value: operatorPassword.secretArn });
  }

  /** The first three zones of whatever region the stack is deployed to: nothing is asked of an account at synthesis. */
  override get availabilityZones(): string[] {
    return [0, 1, 2].map((index) => Fn.select(index, Fn.getAzs()));
  }
}

/** The dashboard's password is the worker's alone. */
function secretsOf(
  entry: 'origin' | 'worker',
  { databasePassword, appDatabasePassword, cacheToken, cookieKeys, operatorPassword, extraSettings }: Secrets,
) {
  const common = { databasePassword, appDatabasePassword, cacheToken, cookieKeys, extraSettings };
  return entry === 'worker' ? { ...common, operatorPassword } : common;
}

function arnsOf(secrets: ReturnType<typeof secretsOf>): BootInput['secrets'] {
  const named = Object.entries(secrets).map(([name, { secretArn }]) => [name, secretArn]);
  return Object.fromEntries(named) as BootInput['secrets'];
}

interface AcceptedRisk {
  rule: string;
  /** Of the construct's path within the stack. */
  at: RegExp;
  reason: string;
}

const accepted: AcceptedRisk[] = [
  {
    rule: 'EC23',
    at: /^BalancerGroup$/,
    reason: 'Shoppers come in here: 80 and 443 are open to the web, and `elb-open-to-web` demands it',
  },
  {
    rule: 'SMG4',
    at: /^((App)?DatabasePassword|CacheToken|CookieKeys|OperatorPassword|DeliveryPass|ExtraSettings)$/,
    reason: 'Machines read secrets when they start: a secret is changed together with an instance refresh',
  },
  { rule: 'S1', at: /^AccessLogs$/, reason: 'The bucket holds nothing but access logs' },
  {
    rule: 'RDS11',
    at: /^(Database|Replica\d+)$/,
    reason: 'Another port hides nothing from a scanner; the security group lets in the machines only',
  },
  {
    rule: 'AEC5',
    at: /^Cache$/,
    reason: 'Another port hides nothing; the security group lets in the machines only',
  },
  { rule: 'RDS2', at: /^Replica\d+$/, reason: 'A replica is encrypted as its primary is' },
  { rule: 'RDS3', at: /^Replica\d+$/, reason: 'The primary has the standby; a lost replica is made anew' },
  { rule: 'RDS10', at: /^Replica\d+$/, reason: 'A replica holds nothing that the primary has not' },
  {
    rule: 'RDS6',
    at: /^Database$/,
    reason: 'Connections are pooled for hours; tokens of 15 minutes would have to be made for each reconnect',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:s3:::<ReleaseBucket>/releases/*]',
    at: /^(Origins|Workers)Role$/,
    reason: 'Any release may be rolled out, and any earlier one rolled back to',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:s3:::<ReleaseBucket>/imports/*]',
    at: /^(Origins|Workers)Role$/,
    reason: 'Files of products that operators lay there are imported by `ops aws run`',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*]',
    at: /^(Origins|Workers)Role$/,
    reason: "The group's ARN holds an id that is made later; the tag Stack narrows it to our groups",
  },
  {
    rule: 'IAM5[Resource::*]',
    at: /^(Origins|Workers)Role$/,
    reason: 'DescribeManagedPrefixLists and the calls of the agent of Systems Manager know no resources',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:aws:prefix-list/*]',
    at: /^(Origins|Workers)Role$/,
    reason: "AWS's own lists only: CloudFront's has another id in each region",
  },
  {
    rule: 'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]',
    at: /^BackupRole$/,
    reason: "What AWS Backup needs is AWS's to say, and is said there",
  },
  {
    rule: 'EC26',
    at: /^(Origins|Workers)$/,
    reason: 'The rule cannot read a launch template with several instance types; its volume is encrypted',
  },
  { rule: 'CFR1', at: /^Delivery$/, reason: 'The shop may be read from everywhere' },
];

/** Rules of cdk-nag's AwsSolutions pack that this stack breaks on purpose: where and why. */
function acceptRisks(stack: Stack): void {
  for (const child of stack.node.children) {
    for (const { rule, at, reason } of accepted) {
      if (at.test(child.node.id)) {
        Validations.of(child).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason });
      }
    }
  }
}
