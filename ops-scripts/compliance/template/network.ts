// VPCs, subnets, prefix lists, routes, network ACLs, and resources beside the stack that have a security group.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { zoneOfChoice, zonesOfElastiCache } from './caches.ts';
import { zonesOfRds } from './databases.ts';
import type { Draft } from './draft.ts';
import { whyUnread } from './evaluate.ts';
import { actsByItself, mayBeAttached } from './handed-groups.ts';
import { isRecord, zonePrefix, zonesAtMost } from './parse-template.ts';
import { containsGroups, handsOn, isGroupOption, namesGroups, namesSubnets } from './resource-facts.ts';
import { booleanOf, listOf, numberOf, type Properties, type Resource, recordsOf } from './resources.ts';

export function answerNetwork(draft: Draft): void {
  const zoneOf = (subnet: Properties) =>
    subnet['AvailabilityZone'] ??
    subnet['AvailabilityZoneId'] ?? { $unknown: 'the template leaves the zone to AWS' };
  draft.answer('ec2', 'DescribeVpcs', {
    Vpcs: draft.items('AWS::EC2::VPC', ({ id, properties }) => ({
      VpcId: id,
      CidrBlock: properties['CidrBlock'],
      CidrBlockAssociationSet: [{ CidrBlock: properties['CidrBlock'] }],
    })),
  });
  draft.answer('ec2', 'DescribeSubnets', {
    Subnets: draft.items('AWS::EC2::Subnet', ({ id, properties }) => ({
      SubnetId: id,
      VpcId: properties['VpcId'],
      CidrBlock: properties['CidrBlock'],
      AvailabilityZone: zoneOf(properties),
      OutpostArn: properties['OutpostArn'],
      MapPublicIpOnLaunch: booleanOf(properties['MapPublicIpOnLaunch']),
      State: 'available',
    })),
  });
  answerZones(draft);
  answerPrefixLists(draft);
  answerRoutes(draft);
  answerNetworkAcls(draft);
  answerInterfaces(draft);
}

/**
 * Declares the zones of GetAZs and of AWS's choice as Availability Zones. The kind of any other zone follows from its
 * name.
 */
function answerZones(draft: Draft): void {
  const numbered = Array.from({ length: zonesAtMost }, (_, index) => `${zonePrefix}${index}`);
  draft.answer('ec2', 'DescribeAvailabilityZones', {
    AvailabilityZones: [...new Set([...numbered, zoneOfChoice, ...zonesOfElastiCache, ...zonesOfRds])].map(
      (ZoneName) => ({
        ZoneName,
        ZoneType: 'availability-zone',
        State: 'available',
      }),
    ),
  });
}

function answerPrefixLists(draft: Draft): void {
  draft.answer('ec2', 'DescribeManagedPrefixLists', {
    PrefixLists: draft.items('AWS::EC2::PrefixList', ({ id, properties }) => ({
      PrefixListId: id,
      PrefixListName: properties['PrefixListName'],
      State: 'create-complete',
    })),
  });
  for (const { id, properties } of draft.of('AWS::EC2::PrefixList')) {
    draft.answer(
      'ec2',
      'GetManagedPrefixListEntries',
      { Entries: properties['Entries'] ?? [] },
      { PrefixListId: id },
    );
  }
}

function answerRoutes(draft: Draft): void {
  const routes = draft.of('AWS::EC2::Route');
  const links = draft.of('AWS::EC2::SubnetRouteTableAssociation');
  draft.answer('ec2', 'DescribeRouteTables', {
    RouteTables: draft.items('AWS::EC2::RouteTable', ({ id, properties }) => ({
      RouteTableId: id,
      VpcId: properties['VpcId'],
      Routes: routes
        .filter((route) => route.properties['RouteTableId'] === id)
        .map((route) => ({ ...route.properties, State: 'active' })),
      Associations: links
        .filter((link) => link.properties['RouteTableId'] === id)
        .map((link) => ({ SubnetId: link.properties['SubnetId'], RouteTableId: id })),
    })),
  });
}

function answerNetworkAcls(draft: Draft): void {
  const entries = draft.perhaps('AWS::EC2::NetworkAclEntry');
  const links = draft.perhaps('AWS::EC2::SubnetNetworkAclAssociation').map((link) => ({
    of: link.properties['NetworkAclId'],
    subnet: link.properties['SubnetId'],
    why: [link.unknownReason, link.properties['NetworkAclId'], link.properties['SubnetId']].find(
      isUnknownValue,
    ),
  }));
  const uncertain = links.flatMap(({ subnet, why }) => (why === undefined ? [] : [{ subnet, why }]));
  const declared = draft.perhaps('AWS::EC2::NetworkAcl').map(({ id, properties, unknownReason }) => ({
    NetworkAclId: id,
    VpcId: properties['VpcId'],
    Entries: unknownReason ?? entriesOfAcl(id, entries),
    Associations: links
      .filter(({ of, why }) => of === id && why === undefined)
      .map(({ subnet }) => ({ SubnetId: subnet, NetworkAclId: id })),
  }));
  const taken = new Set(declared.flatMap(({ Associations }) => Associations.map(({ SubnetId }) => SubnetId)));
  const free = draft.perhaps('AWS::EC2::Subnet').filter(({ id }) => !taken.has(id));
  // The subnet may have this ACL or the default one of its VPC. If the subnet is unknown, it may be any without a
  // certain ACL.
  const perhaps = uncertain.map(({ subnet, why }) => ({
    NetworkAclId: 'that is not certain',
    Entries: why,
    Associations: (isUnknownValue(subnet) ? free.map(({ id }) => id) : [subnet]).map((SubnetId) => ({
      SubnetId,
    })),
  }));
  draft.answer('ec2', 'DescribeNetworkAcls', { NetworkAcls: [...perhaps, ...declared] });
}

/** Entries that name the ACL. An entry with an unknown ACL may belong to each ACL. */
function entriesOfAcl(id: string, entries: Resource[]): unknown[] {
  return entries
    .filter(({ properties: { NetworkAclId: of } }) => of === id || isUnknownValue(of))
    .map(({ unknownReason, properties: entry }) => {
      const of = entry['NetworkAclId'];
      if (unknownReason !== undefined || isUnknownValue(of)) return unknownReason ?? of;
      return {
        ...entry,
        Protocol: String(entry['Protocol']),
        Egress: booleanOf(entry['Egress']),
        RuleNumber: numberOf(entry['RuleNumber']),
      };
    });
}

/** Parts of the stack declare their groups themselves, and controls read them there. */
const describedElsewhere =
  /^AWS::(EC2::(SecurityGroup\w*|LaunchTemplate|Instance)$|AutoScaling|ElasticLoadBalancingV2|ElastiCache|RDS|CloudFormation)/;

/**
 * An endpoint is read with its proxy. If the template does not declare the proxy, the endpoint is a resource of its
 * own.
 */
function isReadElsewhere(draft: Draft, { type, properties }: Resource): boolean {
  if (type !== 'AWS::RDS::DBProxyEndpoint') return describedElsewhere.test(type);
  const proxy = draft.named('AWS::RDS::DBProxy', 'DBProxyName', properties['DBProxyName']);
  return draft.perhaps('AWS::RDS::DBProxy').some(({ id }) => id === proxy || isUnknownValue(proxy));
}

function answerInterfaces(draft: Draft): void {
  const instances = draft.resources.filter(({ type }) => type === 'AWS::EC2::Instance');
  const others = draft.resources.filter((resource) => !isReadElsewhere(draft, resource) && !resource.opened);
  // The groups of these resources are read elsewhere, but these resources may also give groups to others.
  const givers = draft.resources.filter(
    (resource) =>
      isReadElsewhere(draft, resource) && resource.type !== 'AWS::EC2::Instance' && !resource.opened,
  );
  draft.answer('ec2', 'DescribeInstances', {
    Reservations: [
      {
        Instances: instances.map((instance) => ({
          InstanceId: instance.id,
          SubnetId: instance.properties['SubnetId'],
          SecurityGroups: attachedGroups(draft, instance),
          State: { Name: instance.unknownReason ?? 'running' },
          Tags: instance.properties['Tags'],
        })),
      },
    ],
  });
  draft.answer('ec2', 'DescribeNetworkInterfaces', {
    NetworkInterfaces: [...instances, ...others, ...givers].flatMap((resource) => {
      // The property names of third-party types do not show what the types do with the values. A part that may not
      // exist counts as another resource, which may have its groups.
      const isPart = givers.includes(resource) && resource.unknownReason === undefined;
      const isOther = actsByItself.test(resource.type) || handsOn.test(resource.type);
      const isRead = !isPart && !isOther && !resource.type.endsWith('LaunchTemplate');
      const Groups = isRead ? attachedGroups(draft, resource) : [];
      const perhaps = describePerhaps(draft, resource, Groups);
      if (Groups.length === 0) return perhaps;
      const attached = {
        NetworkInterfaceId: `${resource.id}.interface`,
        Description: `${resource.id} (${resource.type})`,
        SubnetId: subnetOf(resource.properties),
        Groups,
        // A resource that may not exist has an unknown status.
        Status: resource.unknownReason ?? 'in-use',
        ...(resource.type === 'AWS::EC2::Instance' ? { Attachment: { InstanceId: resource.id } } : {}),
      };
      return [attached, ...perhaps];
    }),
  });
}

/** An interface that may not exist, for each group that the resource gets without a known purpose. */
function describePerhaps(draft: Draft, resource: Resource, attached: unknown[]): Properties[] {
  return draft.perhaps('AWS::EC2::SecurityGroup').flatMap((group) => {
    const { id } = group;
    const perhaps = mayBeAttached(draft, resource, group, attached);
    if (perhaps === undefined) return [];
    return {
      NetworkInterfaceId: `${resource.id}.perhaps-${id}`,
      Description: `${resource.id} (${resource.type})`,
      Groups: [{ GroupId: id }],
      Status: perhaps,
    };
  });
}

/** The first subnet at any depth. Each service has another property for it. */
function subnetOf(properties: Properties): unknown {
  for (const [key, value] of Object.entries(properties)) {
    const [first] = namesSubnets.test(key) ? listOf(value) : [];
    if (typeof first === 'string') return first.replace(/^arn:.*:subnet\//, '');
    if (isUnknownValue(first)) return first;
    for (const inner of recordsOf(value)) {
      const found = isUnknownValue(inner) ? undefined : subnetOf(inner);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The groups of a resource as `Groups` of an interface. An unknown item stands for any number of groups. */
export function attachedGroups(draft: Draft, { type, properties }: Resource): unknown[] {
  const unread = whyUnread(properties);
  if (unread !== undefined) return [unread];
  const own = groupsIn(draft, properties);
  const templates = templatesIn(properties);
  // An instance with its own groups does not get those of its launch template.
  if (type === 'AWS::EC2::Instance' && own.length > 0) return own;
  return [...own, ...templates.flatMap((template) => groupsOfTemplate(draft, template))];
}

function groupsIn(draft: Draft, properties: Properties, within = ''): unknown[] {
  const { OptionName: option, Value: given = properties['URI'] } = properties;
  if (isUnknownValue(option) && given !== undefined) return [option];
  if (isGroupOption(properties)) return listOf(given).flatMap((group) => toGroups(draft, group));
  return Object.entries(properties).flatMap(([key, value]) => {
    // Launch templates use another property name on network interfaces.
    const isNamed = namesGroups.test(key) || (key === 'Groups' && within === 'NetworkInterfaces');
    if (isNamed) return listOf(value).flatMap((group) => toGroups(draft, group));
    return listOf(value).flatMap((inner) => {
      if (isUnknownValue(inner)) return containsGroups.test(key) ? [inner] : [];
      return isRecord(inner) ? groupsIn(draft, inner, key) : [];
    });
  });
}

/**
 * Reads a group that is given as text. Some services take several, separated by commas; some take ARNs, and instances
 * take names.
 */
function toGroups(draft: Draft, group: unknown): unknown[] {
  if (typeof group !== 'string') return [toGroup(group)];
  return group
    .split(/[\s,]+/)
    .map((text) => text.replace(/^(arn:.*:security-group\/|security_group:)/, ''))
    .filter((text) => text !== '')
    .map((text) => {
      const id = draft.named('AWS::EC2::SecurityGroup', 'GroupName', text);
      return isUnknownValue(id) ? id : { GroupId: id };
    });
}

function toGroup(group: unknown): unknown {
  if (isUnknownValue(group)) return group;
  // Spot fleets write `{ GroupId }`.
  return isRecord(group) ? { GroupId: group['GroupId'] } : unknownValue('a security group is not text');
}

/** The launch templates to which the properties refer at any depth, by id or name. */
function templatesIn(properties: Properties, within = ''): unknown[] {
  // EKS calls them `Id` and `Name` within its `LaunchTemplate`.
  const short = /^LaunchTemplate(Specification)?$/.test(within)
    ? (properties['Id'] ?? properties['Name'])
    : undefined;
  const name = properties['LaunchTemplateId'] ?? properties['LaunchTemplateName'] ?? short;
  const inner = Object.entries(properties).flatMap(([key, value]) =>
    listOf(value)
      .filter((record) => isRecord(record) && !isUnknownValue(record))
      .flatMap((record) => templatesIn(record as Properties, key)),
  );
  return [...(name === undefined ? [] : [name]), ...inner];
}

function groupsOfTemplate(draft: Draft, name: unknown): (UnknownValue | unknown)[] {
  if (isUnknownValue(name)) return [name];
  const id = draft.named('AWS::EC2::LaunchTemplate', 'LaunchTemplateName', name);
  const found = draft.perhaps('AWS::EC2::LaunchTemplate').find((template) => template.id === id);
  if (found === undefined)
    return [isUnknownValue(id) ? id : unknownValue(`launch template ${String(name)} is not in the template`)];
  const data = found.properties['LaunchTemplateData'];
  if (isUnknownValue(data)) return [data];
  return isRecord(data) ? groupsIn(draft, data) : [];
}
