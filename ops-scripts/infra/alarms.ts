// CloudWatch alarms: shoppers see errors or wait, machines are missing, a store is full or lags.
import { Duration, Stack } from 'aws-cdk-lib';
import type { AutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import { Alarm, ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { HttpCodeElb, HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { AccountPrincipal, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { FilterPattern, type LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Balancer } from './balancer.ts';
import { metricNamespace, type watchedMetrics } from './boot-script.ts';
import type { Cache, StackDatabase } from './stores.ts';

interface Threshold {
  metric: Metric;
  /** Alarms above it, or below where `below` is set. */
  threshold: number;
  below?: boolean;
  /** Minutes in a row; default 3. */
  minutes?: number;
}

const minute = Duration.minutes(1);

/**
 * A policy of its own replaces SNS's, which lets in the account: without the permissions here no alarm could be sent.
 */
export function addTopic(scope: Construct): Topic {
  const topic = new Topic(scope, 'Alarms', { enforceSSL: true });
  const { account } = Stack.of(scope);
  const publish = { actions: ['sns:Publish'], resources: [topic.topicArn] };
  topic.addToResourcePolicy(
    new PolicyStatement({
      ...publish,
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
  );
  // Auto Scaling tells of machines as this account.
  topic.addToResourcePolicy(new PolicyStatement({ ...publish, principals: [new AccountPrincipal(account)] }));
  return topic;
}

/** What the worker tells of the background work, and boots that failed. The limits are those of alerts/rules.yaml. */
export function addJobAlarms(scope: Construct, logGroup: LogGroup, topic: ITopic): void {
  const ofShop = (metricName: (typeof watchedMetrics)[number]) =>
    new Metric({
      namespace: metricNamespace,
      metricName,
      dimensionsMap: { job: 'shop' },
      statistic: 'Maximum',
      period: minute,
    });
  const alarms: [id: string, metric: Metric, threshold: number, minutes: number][] = [
    ['DeadLetters', ofShop('outbox_dead_letters'), 0, 2],
    ['JobsLate', ofShop('outbox_lag_seconds'), 60, 3],
    ['JournalNotDrained', ofShop('cart_journal_carts'), 0, 5],
    ['OperationsHeld', ofShop('cart_held_oldest_age_seconds'), 30, 2],
    ['PaymentsUnclear', ofShop('payments_unclear'), 0, 30],
  ];
  for (const [id, metric, threshold, minutes] of alarms)
    alarm(scope, id, topic, { metric, threshold, minutes });
  const failedBoots = new MetricFilter(scope, 'FailedBoots', {
    logGroup,
    metricNamespace,
    metricName: 'boots_failed',
    filterPattern: FilterPattern.literal('"boot failed"'),
    metricValue: '1',
  });
  alarm(scope, 'BootFailed', topic, {
    metric: failedBoots.metric({ statistic: 'Sum', period: minute }),
    threshold: 0,
    minutes: 1,
  });
}

/** Alarms on what shoppers see; a refresh of machines is taken back when one goes off. */
export function addShopperAlarms(
  scope: Construct,
  { balancer, originTargets }: Balancer,
  topic: ITopic,
): Alarm[] {
  const { metrics } = balancer;
  return [
    alarm(scope, 'OriginErrors', topic, {
      metric: originTargets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { period: minute }),
      threshold: 10,
    }),
    alarm(scope, 'BalancerErrors', topic, {
      metric: metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, { period: minute }),
      threshold: 10,
    }),
    alarm(scope, 'SlowAnswers', topic, {
      metric: originTargets.metrics.targetResponseTime({ period: minute, statistic: 'p95' }),
      threshold: 1,
      minutes: 5,
    }),
  ];
}

export function addMachineAlarms(
  scope: Construct,
  { originTargets, workerTargets }: Balancer,
  groups: Record<string, { group: AutoScalingGroup; min: number }>,
  topic: ITopic,
): void {
  for (const [name, targets] of Object.entries({ Origins: originTargets, Workers: workerTargets })) {
    alarm(scope, `${name}Unhealthy`, topic, {
      metric: targets.metrics.unhealthyHostCount({ period: minute, statistic: 'Maximum' }),
      threshold: 0,
      minutes: 5,
    });
  }
  for (const [name, { group, min }] of Object.entries(groups)) {
    alarm(scope, `${name}Missing`, topic, {
      metric: new Metric({
        namespace: 'AWS/AutoScaling',
        metricName: 'GroupInServiceInstances',
        dimensionsMap: { AutoScalingGroupName: group.autoScalingGroupName },
        statistic: 'Minimum',
        period: minute,
      }),
      threshold: min,
      below: true,
      minutes: 5,
    });
  }
}

export function addStoreAlarms(scope: Construct, database: StackDatabase, cache: Cache, topic: ITopic): void {
  const { writer, replicas } = database.dimensions;
  const ofDatabase = (metricName: string, dimensionsMap: Record<string, string>, statistic = 'Average') =>
    new Metric({ namespace: 'AWS/RDS', metricName, dimensionsMap, statistic, period: minute });
  alarm(scope, 'DatabaseBusy', topic, {
    metric: ofDatabase('CPUUtilization', writer),
    threshold: 80,
    minutes: 10,
  });
  alarm(scope, 'DatabaseConnections', topic, {
    metric: ofDatabase('DatabaseConnections', writer),
    threshold: 600,
  });
  if ('DBInstanceIdentifier' in writer) {
    alarm(scope, 'DatabaseRoom', topic, {
      metric: ofDatabase('FreeStorageSpace', writer, 'Minimum'),
      threshold: 10 * 1024 ** 3,
      below: true,
    });
  }
  replicas.forEach((replica, index) => {
    // The shop itself leaves a replica alone that is 60 s behind.
    alarm(scope, `Replica${index + 1}Behind`, topic, {
      metric: ofDatabase('ReplicaLag', replica),
      threshold: 60,
      minutes: 5,
    });
  });
  for (let node = 1; node <= cache.nodes; node += 1) {
    const CacheClusterId = `${cache.group.ref}-${String(node).padStart(3, '0')}`;
    const ofCache = (metricName: string) =>
      new Metric({
        namespace: 'AWS/ElastiCache',
        metricName,
        dimensionsMap: { CacheClusterId },
        statistic: 'Maximum',
        period: minute,
      });
    // Copies of carts are no longer kept at 75 %, so that queue and journal have room.
    alarm(scope, `Cache${node}Full`, topic, {
      metric: ofCache('DatabaseMemoryUsagePercentage'),
      threshold: 75,
    });
    alarm(scope, `Cache${node}Busy`, topic, {
      metric: ofCache('EngineCPUUtilization'),
      threshold: 80,
      minutes: 10,
    });
  }
}

function alarm(
  scope: Construct,
  id: string,
  topic: ITopic,
  { metric, threshold, below, minutes = 3 }: Threshold,
): Alarm {
  const made = new Alarm(scope, id, {
    metric,
    threshold,
    evaluationPeriods: minutes,
    comparisonOperator: below
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  made.addAlarmAction(new SnsAction(topic));
  return made;
}
