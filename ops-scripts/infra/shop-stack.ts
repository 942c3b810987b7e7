// The whole shop on AWS: Route 53, CloudFront, load balancer, origins and workers in three zones, cache and database.
import { type App, CfnOutput, Fn, LegacyStackSynthesizer, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { acceptRisks } from './accepted-risks.ts';
import { addMachineAlarms, addShopperAlarms, addStoreAlarms } from './alarms.ts';
import { addAurora } from './aurora.ts';
import { addBalancer } from './balancer.ts';
import { bootScript } from './boot-script.ts';
import { addCache } from './cache.ts';
import { addDatabase, databaseName } from './database.ts';
import { addDelivery } from './delivery.ts';
import { addDns, balancerName } from './dns.ts';
import { addLogBucket } from './logs.ts';
import { addMachineRole } from './machine-role.ts';
import { addMachines } from './machines.ts';
import { addMail } from './mail.ts';
import { addNetwork, vpcCidr } from './network.ts';
import { declareParameters } from './parameters.ts';
import { addSecrets } from './secrets.ts';
import { addSecurityGroups } from './security-groups.ts';
import { type StackOptions, stackTag } from './stack-options.ts';

const drainHook = 'drain';
/** Not every region's schema has tags on them yet. */
const untaggable = ['AWS::ElasticLoadBalancingV2::Listener', 'AWS::ElasticLoadBalancingV2::ListenerRule'];

export class ShopStack extends Stack {
  constructor(app: App, options: StackOptions) {
    super(app, 'MyClothes', {
      description: `MyClothes.com, ${options.sizeName}`,
      synthesizer: new LegacyStackSynthesizer(),
    });
    Tags.of(this).add('Stack', stackTag, { excludeResourceTypes: untaggable });
    const parameters = declareParameters(this);
    const topic = new Topic(this, 'Alarms', { enforceSSL: true });
    topic.addSubscription(new EmailSubscription(parameters.operatorEmail));
    const vpc = addNetwork(this);
    const groups = addSecurityGroups(this, vpc);
    const secrets = addSecrets(this);
    const logs = addLogBucket(this);
    const cache = addCache(this, options.size.cache, vpc, groups, secrets);
    const database = (options.aurora ? addAurora : addDatabase)(this, options, vpc, groups, secrets);
    const balancer = addBalancer(this, vpc, groups, secrets, parameters, logs);
    const refreshAlarms = addShopperAlarms(this, balancer, topic);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const { databasePassword, cacheToken, cookieKeys, operatorPassword, extraSettings } = secrets;
    const readable = { databasePassword, cacheToken, cookieKeys, operatorPassword, extraSettings };
    const arns = Object.fromEntries(
      Object.entries(readable).map(([name, { secretArn }]) => [name, secretArn]),
    );
    const machines = (id: string, entry: 'origin' | 'worker') =>
      addMachines(this, id, {
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
          secrets: arns as Record<keyof typeof readable, string>,
          drainHook,
        }),
      });
    const origins = machines('Origins', 'origin');
    const workers = machines('Workers', 'worker');
    addMachineAlarms(
      this,
      balancer,
      {
        Origins: { group: origins, min: options.size.origins.min },
        Workers: { group: workers, min: options.size.workers.min },
      },
      topic,
    );
    addStoreAlarms(this, database, cache, topic);
    const distribution = addDelivery(this, balancerName(parameters), secrets, parameters, logs);
    addDns(this, parameters, distribution, balancer.balancer);
    addMail(this, parameters);
    acceptRisks(this);
    new CfnOutput(this, 'Shop', { value: `https://${parameters.domain}` });
    new CfnOutput(this, 'Dashboard', { value: `https://operators.${parameters.domain}/jobs` });
    new CfnOutput(this, 'ExtraSettingsSecret', { value: extraSettings.secretArn });
    new CfnOutput(this, 'OperatorPasswordSecret', { value: operatorPassword.secretArn });
  }

  /** The first three zones of whatever region the stack is deployed to: nothing is asked of an account at synthesis. */
  override get availabilityZones(): string[] {
    return [0, 1, 2].map((index) => Fn.select(index, Fn.getAzs()));
  }
}
