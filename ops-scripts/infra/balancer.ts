// The load balancer: redirects port 80 to 443, forwards requests from our CloudFront, and the dashboard to operators.
import { Duration } from 'aws-cdk-lib';
import { SubnetType, type Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  type ApplicationListener,
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  ListenerAction,
  ListenerCertificate,
  ListenerCondition,
  Protocol,
  SslPolicy,
  TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import type { StackSecurityGroups } from './network.ts';
import type { Parameters, Secrets } from './parameters.ts';
import { ports } from './stack-options.ts';

/** CloudFront shows its pass in this header. */
export const passHeader = 'X-Delivery-Pass';

export interface Balancer {
  balancer: ApplicationLoadBalancer;
  originTargets: ApplicationTargetGroup;
  workerTargets: ApplicationTargetGroup;
}

export interface BalancerNeeds {
  vpc: Vpc;
  groups: StackSecurityGroups;
  secrets: Secrets;
  parameters: Parameters;
  /** Of its accesses. */
  logs: Bucket;
}

export function addBalancer(
  scope: Construct,
  { vpc, groups, secrets, parameters, logs }: BalancerNeeds,
): Balancer {
  const balancer = new ApplicationLoadBalancer(scope, 'Balancer', {
    vpc,
    vpcSubnets: { subnetType: SubnetType.PUBLIC },
    internetFacing: true,
    securityGroup: groups.balancer,
    deletionProtection: true,
    dropInvalidHeaderFields: true,
    preserveHostHeader: true,
    // Shorter than the origins keep a connection (75 s), or requests would meet one that is just closing.
    idleTimeout: Duration.seconds(60),
  });
  balancer.setAttribute('access_logs.s3.enabled', 'true');
  balancer.setAttribute('access_logs.s3.bucket', logs.bucketName);
  balancer.setAttribute('access_logs.s3.prefix', 'balancer');
  // The balancer tries the bucket when it is told of it: the right to write must stand by then.
  if (logs.policy) balancer.node.addDependency(logs.policy);
  const originTargets = targets(scope, 'OriginTargets', vpc, ports.origin);
  const workerTargets = targets(scope, 'WorkerTargets', vpc, ports.worker);
  balancer.addListener('Plain', {
    port: 80,
    protocol: ApplicationProtocol.HTTP,
    open: false,
    defaultAction: ListenerAction.redirect({ port: '443', protocol: 'HTTPS', permanent: true }),
  });
  const secure = balancer.addListener('Secure', {
    port: 443,
    protocol: ApplicationProtocol.HTTPS,
    open: false,
    certificates: [ListenerCertificate.fromArn(parameters.certificateArn)],
    sslPolicy: SslPolicy.TLS13_12_RES_PQ,
    defaultAction: ListenerAction.fixedResponse(403, {
      contentType: 'text/plain',
      messageBody: 'Not this way',
    }),
  });
  route(secure, { originTargets, workerTargets }, secrets, parameters);
  return { balancer, originTargets, workerTargets };
}

function route(
  secure: ApplicationListener,
  { originTargets, workerTargets }: Record<'originTargets' | 'workerTargets', ApplicationTargetGroup>,
  secrets: Secrets,
  { domain, operatorCidr }: Parameters,
): void {
  secure.addAction('Shop', {
    priority: 10,
    conditions: [ListenerCondition.httpHeader(passHeader, [secrets.deliveryPass.secretValue.unsafeUnwrap()])],
    action: ListenerAction.forward([originTargets]),
  });
  secure.addAction('Dashboard', {
    priority: 20,
    conditions: [
      ListenerCondition.hostHeaders([`operators.${domain}`]),
      ListenerCondition.pathPatterns(['/jobs', '/jobs/*']),
      ListenerCondition.sourceIps([operatorCidr]),
    ],
    action: ListenerAction.forward([workerTargets]),
  });
}

/** Of one address in five minutes: a shopper needs some dozens, an office behind one address some hundreds. */
const mostRequests = 3_000;

/**
 * AWS's lists of known attacks, and a limit for each client address. Requests come through CloudFront, so the address
 * is read from X-Forwarded-For. A client can put another one before it; the shop's own limits do not believe that one.
 */
export function addFirewall(scope: Construct, balancer: ApplicationLoadBalancer): void {
  const visible = (metricName: string) => ({
    cloudWatchMetricsEnabled: true,
    metricName,
    sampledRequestsEnabled: true,
  });
  const managed = (name: string, priority: number, counted: string[] = []): CfnWebACL.RuleProperty => ({
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name,
        ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
      },
    },
    visibilityConfig: visible(name),
  });
  const firewall = new CfnWebACL(scope, 'Firewall', {
    scope: 'REGIONAL',
    defaultAction: { allow: {} },
    visibilityConfig: visible('Firewall'),
    rules: [
      {
        name: 'TooMany',
        priority: 0,
        action: { block: { customResponse: { responseCode: 429 } } },
        statement: {
          rateBasedStatement: {
            aggregateKeyType: 'FORWARDED_IP',
            limit: mostRequests,
            forwardedIpConfig: { headerName: 'X-Forwarded-For', fallbackBehavior: 'NO_MATCH' },
          },
        },
        visibilityConfig: visible('TooMany'),
      },
      // Staff write long descriptions with HTML: bodies that are long or hold markup are counted, not refused.
      managed('AWSManagedRulesCommonRuleSet', 1, ['SizeRestrictions_BODY', 'CrossSiteScripting_BODY']),
    ],
  });
  new CfnWebACLAssociation(scope, 'FirewallOfBalancer', {
    resourceArn: balancer.loadBalancerArn,
    webAclArn: firewall.attrArn,
  });
}

function targets(scope: Construct, id: string, vpc: Vpc, port: number): ApplicationTargetGroup {
  return new ApplicationTargetGroup(scope, id, {
    vpc,
    port,
    // Each machine has a certificate of its own making, which the balancer does not verify.
    protocol: ApplicationProtocol.HTTPS,
    targetType: TargetType.INSTANCE,
    // Longer than a request may take (30 s).
    deregistrationDelay: Duration.seconds(35),
    healthCheck: {
      path: '/readyz',
      protocol: Protocol.HTTPS,
      healthyHttpCodes: '200',
      interval: Duration.seconds(5),
      timeout: Duration.seconds(2),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
    },
  });
}
