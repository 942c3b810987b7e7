// CloudFront, which terminates TLS and caches assets but never pages; the bucket for access logs; names in Route 53.
import { Aws, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  OriginSslPolicy,
  PriceClass,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { ApplicationLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnRecordSet, PublicHostedZone } from 'aws-cdk-lib/aws-route53';
import { CloudFrontTarget } from 'aws-cdk-lib/aws-route53-targets';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import type { Construct } from 'constructs';
import { passHeader } from './balancer.ts';
import type { Parameters, Secrets } from './parameters.ts';

/**
 * CloudFront: terminates TLS, caches hashed assets and pictures, and never pages, so that no page can be
 * stale.
 */
export function addDelivery(
  scope: Construct,
  balancerName: string,
  { secrets, parameters, logs }: { secrets: Secrets; parameters: Parameters; logs: Bucket },
): Distribution {
  const origin = new HttpOrigin(balancerName, {
    protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
    originSslProtocols: [OriginSslPolicy.TLS_V1_2],
    customHeaders: { [passHeader]: secrets.deliveryPass.secretValue.unsafeUnwrap() },
    // A write without a key must not be sent twice.
    connectionAttempts: 1,
    readTimeout: Duration.seconds(30),
    keepaliveTimeout: Duration.seconds(50),
  });
  // Host and cookies go on unchanged: the shop compares Host with Origin.
  const passed = {
    origin,
    viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
    originRequestPolicy: OriginRequestPolicy.ALL_VIEWER,
    // The shop compresses by itself.
    compress: false,
  };
  const kept = {
    ...passed,
    cachePolicy: CachePolicy.CACHING_OPTIMIZED,
    allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
  };
  const { hasWebAcl, webAclArn } = parameters;
  return new Distribution(scope, 'Delivery', {
    domainNames: [parameters.domain],
    certificate: Certificate.fromCertificateArn(
      scope,
      'DeliveryCertificate',
      parameters.deliveryCertificateArn,
    ),
    minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
    httpVersion: HttpVersion.HTTP2_AND_3,
    webAclId: Fn.conditionIf(hasWebAcl.logicalId, webAclArn, Aws.NO_VALUE).toString(),
    priceClass: PriceClass.PRICE_CLASS_100,
    logBucket: logs,
    logFilePrefix: 'delivery/',
    defaultBehavior: {
      ...passed,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      allowedMethods: AllowedMethods.ALLOW_ALL,
    },
    additionalBehaviors: { '/assets/*': kept, '/api/images/*': kept },
  });
}

/** One bucket for access logs of load balancer and CloudFront: encrypted, private, kept for 90 days. */
export function addLogBucket(scope: Construct): Bucket {
  const bucket = new Bucket(scope, 'AccessLogs', {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    // CloudFront writes its logs by ACL.
    objectOwnership: ObjectOwnership.OBJECT_WRITER,
    lifecycleRules: [{ expiration: Duration.days(90) }],
    removalPolicy: RemovalPolicy.RETAIN,
  });
  bucket.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('logdelivery.elasticloadbalancing.amazonaws.com')],
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects(`balancer/AWSLogs/${Stack.of(scope).account}/*`)],
    }),
  );
  return bucket;
}

/** Under the wildcard of the balancer's certificate, so that CloudFront can verify it. */
export function balancerName({ domain }: Parameters): string {
  return `balancer.${domain}`;
}

export function addDns(
  scope: Construct,
  parameters: Parameters,
  distribution: Distribution,
  balancer: ApplicationLoadBalancer,
): void {
  const { domain, zoneId: hostedZoneId } = parameters;
  const delivery = {
    dnsName: distribution.distributionDomainName,
    hostedZoneId: CloudFrontTarget.getHostedZoneId(scope),
  };
  const direct = {
    dnsName: balancer.loadBalancerDnsName,
    hostedZoneId: balancer.loadBalancerCanonicalHostedZoneId,
    evaluateTargetHealth: true,
  };
  const alias = (
    id: string,
    name: string,
    type: 'A' | 'AAAA',
    aliasTarget: typeof delivery | typeof direct,
  ) => new CfnRecordSet(scope, id, { hostedZoneId, name, type, aliasTarget });
  alias('ShopName', domain, 'A', delivery);
  alias('ShopNameIpv6', domain, 'AAAA', delivery);
  alias('BalancerName', balancerName(parameters), 'A', direct);
  alias('OperatorsName', `operators.${domain}`, 'A', direct);
}

/** SES sends as the shop: DKIM keys and a return address in the shop's own zone. */
export function addMail(scope: Construct, { domain, zoneId }: Parameters): void {
  const zone = PublicHostedZone.fromPublicHostedZoneAttributes(scope, 'Zone', {
    hostedZoneId: zoneId,
    zoneName: domain,
  });
  new EmailIdentity(scope, 'Mail', {
    identity: Identity.publicHostedZone(zone),
    mailFromDomain: `bounce.${domain}`,
  });
}
