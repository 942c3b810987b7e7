// The Availability Zones of subnets. Local Zones, Wavelength Zones and Outposts do not count as zones.
import { type Answers, listAnswers } from '../answers.ts';
import { known, UnknownError } from '../unknown.ts';

export interface Zones {
  /** The zones of these subnets; an UnknownError where one can't be told. */
  ofSubnets(subnetIds: string[]): string[];
  /** The Availability Zones among these names, each once. */
  count(names: string[]): string[];
}

export function readZones(answers: Answers): Zones {
  const listed = listAnswers(answers, 'ec2', 'DescribeAvailabilityZones', 'AvailabilityZones');
  const types = new Map(listed.items.map((zone) => [zone.ZoneName, zone.ZoneType]));
  const isAvailabilityZone = (name: string): boolean => {
    const type = types.get(name);
    if (type !== undefined) return type === 'availability-zone';
    if (/^[a-z]{2,}(-[a-z]+)+-\d+[a-z]$/.test(name)) return true;
    // Zone ids: `use1-az1` is an Availability Zone, `usw2-lax1-az1` a Local Zone.
    if (/^[a-z]{2,5}\d+-az\d+$/.test(name)) return true;
    if (/^[a-z]{2,5}\d+-[a-z]+\d+-az\d+$/.test(name)) return false;
    if (/-wlz-\d+[a-z]?$|-\d+-[a-z]+-\d+[a-z]$/.test(name)) return false;
    throw new UnknownError(`the kind of zone ${name} is not known`);
  };
  return {
    ofSubnets: (ids) => ids.map((id) => zoneOfSubnet(answers, id)),
    count: (names) =>
      [...new Set(names.map((name) => known(name, 'a zone')).filter(isAvailabilityZone))].sort(),
  };
}

function zoneOfSubnet(answers: Answers, id: string): string {
  const listed = listAnswers(answers, 'ec2', 'DescribeSubnets', 'Subnets');
  const subnet = listed.items.find(({ SubnetId }) => SubnetId === id);
  if (subnet === undefined)
    throw new UnknownError(listed.unknownReasons[0] ?? `subnet ${id} is not in any answer`);
  if (subnet.OutpostArn) throw new UnknownError(`subnet ${id} is on an Outpost`);
  return known(subnet.AvailabilityZone, `the zone of subnet ${id}`);
}
