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
  SslPolicy,
  TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
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

function targets(scope: Construct, id: string, vpc: Vpc, port: number): ApplicationTargetGroup {
  return new ApplicationTargetGroup(scope, id, {
    vpc,
    port,
    protocol: ApplicationProtocol.HTTP,
    targetType: TargetType.INSTANCE,
    // Longer than a request may take (30 s).
    deregistrationDelay: Duration.seconds(35),
    healthCheck: {
      path: '/readyz',
      healthyHttpCodes: '200',
      interval: Duration.seconds(5),
      timeout: Duration.seconds(2),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
    },
  });
}
