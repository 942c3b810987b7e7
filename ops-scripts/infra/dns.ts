// Names in the shop's Route 53 zone: CloudFront, its origin, the operators, and the keys by which SES sends mail.
import type { Distribution } from 'aws-cdk-lib/aws-cloudfront';
import type { ApplicationLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { CfnRecordSet, PublicHostedZone } from 'aws-cdk-lib/aws-route53';
import { CloudFrontTarget } from 'aws-cdk-lib/aws-route53-targets';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import type { Construct } from 'constructs';
import type { Parameters } from './parameters.ts';

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
