// Translates planned networks to CloudFormation: VPCs, subnets, security groups and their rules, ACLs, routes.
import { isUnknownValue, type UnknownValue } from '../snapshot.ts';
import type { Properties, Resource } from '../template/resources.ts';
import type { PlannedWorld, Reader } from './reader.ts';
import { resource, type Translations, tagsOf, whyTakenAway } from './translate-others.ts';

export const networkTranslations: Translations = {
  aws_vpc: (vpc) => [resource(vpc, 'AWS::EC2::VPC', { CidrBlock: vpc.one('cidr_block') })],
  aws_subnet: (subnet) => [
    resource(subnet, 'AWS::EC2::Subnet', {
      VpcId: subnet.ref('vpc_id', 'vpc'),
      CidrBlock: subnet.one('cidr_block'),
      AvailabilityZone: subnet.one('availability_zone'),
      ...(subnet.one('availability_zone') === undefined
        ? { AvailabilityZoneId: subnet.one('availability_zone_id') }
        : {}),
      OutpostArn: subnet.one('outpost_arn'),
      MapPublicIpOnLaunch: subnet.one('map_public_ip_on_launch'),
    }),
  ],
  aws_security_group: translateGroup,
  aws_default_security_group: (group) =>
    translateGroup(group).map((each) => ({
      ...each,
      properties: { ...each.properties, GroupName: 'default' },
    })),
  aws_security_group_rule: (rule) => {
    const kind = rule.one('type');
    const sides = isUnknownValue(kind) ? ['ingress', 'egress'] : [String(kind)];
    // The rule has one of the two directions.
    const owners = ownersOf(rule, String(kind)).map((owner) =>
      isUnknownValue(kind) ? { ...owner, unknownReason: kind } : owner,
    );
    return sides.flatMap((side) =>
      owners.flatMap((owner, at) =>
        rulesOf(rule, owner.id, ['source_security_group_id']).map((each, index) =>
          ruleResource(`${rule.id}#${side}${at}.${index}`, side === 'egress', owner, each),
        ),
      ),
    );
  },
  aws_vpc_security_group_ingress_rule: (rule) => singleRule(rule, false),
  aws_vpc_security_group_egress_rule: (rule) => singleRule(rule, true),
  aws_ec2_managed_prefix_list: (list, world) => [
    resource(list, 'AWS::EC2::PrefixList', {
      PrefixListName: list.one('name'),
      Entries: entriesOf(list, world),
    }),
  ],
  aws_prefix_list: (list) => {
    const cidrs = list.many('cidr_blocks') ?? [];
    const Entries = isUnknownValue(cidrs) ? cidrs : cidrs.map((Cidr) => ({ Cidr }));
    return [resource(list, 'AWS::EC2::PrefixList', { PrefixListName: list.one('name'), Entries })];
  },
  aws_network_acl: (acl) => translateAcl(acl, acl.refs('subnet_ids', 'subnet')),
  aws_default_network_acl: (acl, world) => {
    const vpc = acl.ref('default_network_acl_id', 'vpc');
    const named = acl.refs('subnet_ids', 'subnet');
    return translateAcl(acl, named ?? subnetsWithoutAcl(world, vpc), vpc);
  },
  aws_network_acl_association: (link) => [
    resource(link, 'AWS::EC2::SubnetNetworkAclAssociation', {
      NetworkAclId: link.ref('network_acl_id', 'acl'),
      SubnetId: link.ref('subnet_id', 'subnet'),
    }),
  ],
  aws_network_acl_rule: (rule) => {
    const entry = aclEntry(rule, rule.one('egress') ?? false, 'rule_number', 'rule_action');
    const NetworkAclId = rule.ref('network_acl_id', 'acl');
    return [{ ...entry, id: rule.id, properties: { ...entry.properties, NetworkAclId } }];
  },
  aws_route_table: translateRouteTable,
  aws_default_route_table: translateRouteTable,
  aws_route: (route) => [
    resource(route, 'AWS::EC2::Route', {
      RouteTableId: route.ref('route_table_id', 'routes'),
      DestinationCidrBlock: route.one('destination_cidr_block'),
      GatewayId: gatewayOf(route),
    }),
  ],
  aws_route_table_association: (link) => [
    resource(link, 'AWS::EC2::SubnetRouteTableAssociation', {
      RouteTableId: link.ref('route_table_id', 'routes'),
      SubnetId: link.ref('subnet_id', 'subnet'),
    }),
  ],
};

/** A rule that allows nobody. It removes CloudFormation's default of allowing all egress, as Terraform does. */
const toNobody = { IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32' };

function translateGroup(group: Reader): Resource[] {
  const { id } = group;
  const side = (name: string) => {
    const blocks = group.blocks(name);
    if (isUnknownValue(blocks) || blocks.length === 0) return blocks;
    const gone = whyTakenAway(group.world, { group: id, side: name });
    return gone ?? blocks.flatMap((block) => rulesOf(block, id, ['security_groups']));
  };
  const egress = side('egress');
  return [
    resource(group, 'AWS::EC2::SecurityGroup', {
      GroupName: group.one('name'),
      VpcId: group.ref('vpc_id', 'vpc'),
      Tags: tagsOf(group),
      SecurityGroupIngress: side('ingress'),
      SecurityGroupEgress: isUnknownValue(egress) ? egress : [toNobody, ...egress],
    }),
  ];
}

/** Returns one rule for each source, with the ports of the block. Unknown values stay in the rule. */
function rulesOf(block: Reader, own: unknown, groupArguments: string[]): Properties[] {
  const sources: [string, unknown][] = [
    ['CidrIp', block.many('cidr_blocks')],
    ['CidrIpv6', block.many('ipv6_cidr_blocks')],
    ['SourcePrefixListId', block.refs('prefix_list_ids', 'prefixList')],
    ...groupArguments.map((name): [string, unknown] => ['SourceSecurityGroupId', block.refs(name, 'group')]),
  ];
  const self = block.one('self');
  if (isUnknownValue(self)) sources.push(['SourceSecurityGroupId', self]);
  else if (self === true) sources.push(['SourceSecurityGroupId', own]);
  return sources.flatMap(([name, list]) => {
    const items = list === undefined ? [] : Array.isArray(list) ? list : [list];
    return items.map((item) => toRule(block, 'protocol', name, item));
  });
}

function toRule(block: Reader, protocolName: string, source: string, item: unknown): Properties {
  const protocol = block.one(protocolName);
  // "all" also means every protocol.
  const everything = protocol === undefined || protocol === 'all' || String(protocol) === '-1';
  return {
    IpProtocol: everything ? '-1' : isUnknownValue(protocol) ? protocol : String(protocol).toLowerCase(),
    ...(everything ? {} : { FromPort: block.one('from_port'), ToPort: block.one('to_port') }),
    ...(source === 'SourceSecurityGroupId' ? groupSource(item) : { [source]: item }),
  };
}

/** A group of another account is written as `account/group`. */
function groupSource(item: unknown): Properties {
  const [, account, group] = typeof item === 'string' ? (/^(\d{12})\/(sg-\w+)$/.exec(item) ?? []) : [];
  return account === undefined
    ? { SourceSecurityGroupId: item }
    : { SourceSecurityGroupId: group, SourceSecurityGroupOwnerId: account };
}

function singleRule(rule: Reader, egress: boolean): Resource[] {
  const sources: [string, unknown][] = [
    ['CidrIp', rule.one('cidr_ipv4')],
    ['CidrIpv6', rule.one('cidr_ipv6')],
    ['SourcePrefixListId', rule.ref('prefix_list_id', 'prefixList')],
    ['SourceSecurityGroupId', rule.ref('referenced_security_group_id', 'group')],
  ];
  const [name, item] = sources.find(([, value]) => value !== undefined) ?? ['CidrIp', undefined];
  const given = toRule(rule, 'ip_protocol', name, item);
  return ownersOf(rule, egress ? 'egress' : 'ingress').map((owner, at) =>
    ruleResource(at === 0 ? rule.id : `${rule.id}#${at}`, egress, owner, given),
  );
}

interface Owner {
  id: unknown;
  /** Why the rule may belong to another group. */
  unknownReason?: UnknownValue;
}

/** The group of a rule. If the plan does not show it, the candidates are the groups that the rule's module sees. */
function ownersOf(rule: Reader, side: string): Owner[] {
  const id = rule.ref('security_group_id', 'group');
  const seen = isUnknownValue(id) ? rule.candidates('security_group_id', 'group') : undefined;
  const gone = whyTakenAway(rule.world, { group: id, side, rule: rule.id });
  if (gone !== undefined) return [{ id, unknownReason: gone }];
  if (!isUnknownValue(id) || seen === undefined || seen.ids.length === 0) return [{ id }];
  // If it is not certain to be a group of the plan, it may also be a group outside of the stack.
  return seen.ids.map((each) => (seen.isCertain ? { id: each } : { id: each, unknownReason: id }));
}

function ruleResource(id: string, egress: boolean, owner: Owner, rule: Properties): Resource {
  const type = egress ? 'AWS::EC2::SecurityGroupEgress' : 'AWS::EC2::SecurityGroupIngress';
  const { unknownReason } = owner;
  return {
    id,
    type,
    properties: { GroupId: owner.id, ...rule },
    refers: new Set(),
    ...(unknownReason === undefined ? {} : { unknownReason }),
  };
}

function entriesOf(list: Reader, world: PlannedWorld): unknown {
  const blocks = list.blocks(list.instance.mode === 'data' ? 'entries' : 'entry');
  if (isUnknownValue(blocks)) return blocks;
  const separate = world
    .of('aws_ec2_managed_prefix_list_entry')
    .map((entry) => ({ entry, of: entry.ref('prefix_list_id', 'prefixList') }))
    .flatMap(({ entry, of }): unknown[] =>
      isUnknownValue(of) ? [of] : of === list.id ? [{ Cidr: entry.one('cidr') }] : [],
    );
  return [...blocks.map((block) => ({ Cidr: block.one('cidr') })), ...separate];
}

function translateAcl(acl: Reader, subnets: unknown, id: unknown = acl.id): Resource[] {
  const own = typeof id === 'string' ? id : acl.id;
  const entries = ['ingress', 'egress'].flatMap((side): Resource[] => {
    const blocks = acl.blocks(side);
    // An unreadable entry makes the verdict on its ACL unknown.
    if (isUnknownValue(blocks)) return [{ ...emptyEntry, unknownReason: blocks }];
    return blocks.map((block) => aclEntry(block, side === 'egress', 'rule_no', 'action'));
  });
  const links = subnets === undefined ? [] : Array.isArray(subnets) ? subnets : [subnets];
  return [
    { ...resource(acl, 'AWS::EC2::NetworkAcl', { VpcId: acl.ref('vpc_id', 'vpc') }), id: own },
    ...entries.map((entry, index) => ({
      ...entry,
      id: `${acl.id}#${index}`,
      properties: { ...entry.properties, NetworkAclId: own },
    })),
    ...links.map(
      (SubnetId, index): Resource => ({
        id: `${acl.id}#subnet${index}`,
        type: 'AWS::EC2::SubnetNetworkAclAssociation',
        properties: { NetworkAclId: own, SubnetId },
        refers: new Set(),
      }),
    ),
  ];
}

const emptyEntry: Resource = { id: '', type: 'AWS::EC2::NetworkAclEntry', properties: {}, refers: new Set() };

function aclEntry(block: Reader, egress: unknown, number: string, action: string): Resource {
  const from = block.one('from_port');
  const to = block.one('to_port');
  const protocol = String(block.one('protocol') ?? '-1').toLowerCase();
  const everything = protocol === '-1' || protocol === 'all';
  return {
    ...emptyEntry,
    properties: {
      Egress: egress,
      RuleNumber: block.one(number),
      RuleAction: block.one(action),
      Protocol: everything ? '-1' : protocol,
      CidrBlock: block.one('cidr_block'),
      Ipv6CidrBlock: block.one('ipv6_cidr_block'),
      ...(everything || from === undefined ? {} : { PortRange: { From: from, To: to } }),
    },
  };
}

/** The default ACL of a VPC applies to each subnet without another ACL. */
function subnetsWithoutAcl(world: PlannedWorld, vpc: unknown): unknown[] {
  const taken = new Set(
    [
      ...world.of('aws_network_acl').flatMap((acl) => acl.refs('subnet_ids', 'subnet') ?? []),
      ...world.of('aws_network_acl_association').map((link) => link.ref('subnet_id', 'subnet')),
    ].filter((id) => typeof id === 'string'),
  );
  return world
    .of('aws_subnet', 'aws_default_subnet')
    .filter((subnet) => subnet.ref('vpc_id', 'vpc') === vpc && !taken.has(subnet.id))
    .map(({ id }) => id);
}

function translateRouteTable(table: Reader): Resource[] {
  const blocks = table.blocks('route');
  return [
    resource(table, 'AWS::EC2::RouteTable', { VpcId: table.ref('vpc_id', 'vpc') }),
    ...(isUnknownValue(blocks) ? [] : blocks).map(
      (route, index): Resource => ({
        id: `${table.id}#${index}`,
        type: 'AWS::EC2::Route',
        properties: {
          RouteTableId: table.id,
          DestinationCidrBlock: route.one('cidr_block'),
          GatewayId: gatewayOf(route),
        },
        refers: new Set(),
      }),
    ),
  ];
}

/** A template is only asked whether there is a gateway, and not which one. */
function gatewayOf(route: Reader): unknown {
  const gateway = route.one('gateway_id');
  return gateway === undefined ? undefined : 'gateway';
}
