// Hosted zones and their record sets, one by one or in groups.
import type { Draft } from './draft.ts';
import { recordsOf } from './resources.ts';

export function answerDns(draft: Draft): void {
  const single = draft.of('AWS::Route53::RecordSet').map((resource) => resource.properties);
  const grouped = draft.of('AWS::Route53::RecordSetGroup').flatMap(({ properties }) =>
    recordsOf(properties['RecordSets']).map((record) => ({
      HostedZoneId: properties['HostedZoneId'],
      HostedZoneName: properties['HostedZoneName'],
      ...record,
    })),
  );
  const zones = draft
    .of('AWS::Route53::HostedZone')
    .map(({ id, properties }) => ({ Id: id, Name: properties['Name'] }));
  const records: Record<string, unknown>[] = [...single, ...grouped];
  const elsewhere = records
    .map((record) => record['HostedZoneId'] ?? record['HostedZoneName'])
    .filter((zone): zone is string => typeof zone === 'string' && zones.every(({ Id }) => Id !== zone));
  const HostedZones = [...zones, ...[...new Set(elsewhere)].map((zone) => ({ Id: zone, Name: zone }))];
  draft.answer('route53', 'ListHostedZones', { HostedZones });
  for (const { Id } of HostedZones) {
    const ResourceRecordSets = records.filter(
      (record) => (record['HostedZoneId'] ?? record['HostedZoneName']) === Id,
    );
    draft.answer('route53', 'ListResourceRecordSets', { ResourceRecordSets }, { HostedZoneId: Id });
  }
}
