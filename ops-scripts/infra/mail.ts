// SES sends as the shop: DKIM keys and a return address in the shop's own zone.
import { PublicHostedZone } from 'aws-cdk-lib/aws-route53';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import type { Construct } from 'constructs';
import type { Parameters } from './parameters.ts';

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
