// AWS's resource specification, as CDK contains it: every type that can get a group is known to have it.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { emptySnapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { Draft } from '../../../ops-scripts/compliance/template/draft.ts';
import { mayBeAttached } from '../../../ops-scripts/compliance/template/handed-groups.ts';
import { judgeTemplates } from '../../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { namesGroups, namesSubnets } from '../../../ops-scripts/compliance/template/resource-facts.ts';
import { TemplateStack } from '../support/template-stack.ts';

/** Properties with a name like those of groups that give the resource no group, and their meaning. */
const others: Record<string, string> = {
  SecurityGroupIngress: 'rules',
  SecurityGroupEgress: 'rules',
  SecurityGroupRule: 'what an analysis of a network found',
  SourceSecurityGroupId: 'who may come in',
  SourceSecurityGroupName: 'who may come in',
  SourceSecurityGroupOwnerId: 'who may come in',
  SourceSecurityGroups: 'who may come in, to nodes of EKS',
  DestinationSecurityGroupId: 'where one may go',
  InboundSecurityGroup: 'who may come in',
  SecurityGroupReferencingSupport: 'a switch',
  AssociateDefaultSecurityGroup: 'a switch',
  UseOpsworksSecurityGroups: 'a switch',
  AppSecurityGroupManagement: 'a switch',
  EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: 'a switch',
  InputSecurityGroups: 'lists of addresses of MediaLive',
  ChannelSecurityGroups: 'lists of addresses of MediaLive',
  CacheSecurityGroupName: 'groups outside of networks, which are gone',
  CacheSecurityGroupNames: 'groups outside of networks, which are gone',
  ClusterSecurityGroupName: 'groups outside of networks, which are gone',
  ClusterSecurityGroups: 'groups outside of networks, which are gone',
  EC2SecurityGroupId: 'who may come in, outside of networks',
  EC2SecurityGroupName: 'who may come in, outside of networks',
  EC2SecurityGroupOwnerId: 'who may come in, outside of networks',
  DBSecurityGroupIngress: 'groups outside of networks, which are gone',
  DBSecurityGroupMemberships: 'groups outside of networks, which are gone',
  DBSecurityGroupName: 'groups outside of networks, which are gone',
  DBSecurityGroups: 'groups outside of networks, which are gone',
  VpcSecurityGroupMemberships: 'of an option of a database, whose port it opens',
};

/** The same for subnets. */
const otherSubnets: Record<string, string> = {
  BackupSubnetCidr: 'addresses',
  ClientSubnetCidr: 'addresses',
  EdnsClientSubnet: 'a switch',
  RemoveSubnetIds: 'what it leaves',
  SubnetChangeProtection: 'a switch',
  SubnetMapping: 'a block that names them',
  SubnetMappings: 'a block that names them',
  SubnetRouteTable: 'what an analysis of a network found',
  subnetCidrReservationId: 'addresses that are kept',
};

/** A group of subnets, which is another resource. */
const namesSubnetGroup = /SubnetGroup(Name|Id|Identifier|Description)$/;

/** Types that describe what others launch. They attach no group themselves. */
const describesOnly = /^AWS::(EC2::LaunchTemplate|AutoScaling::LaunchConfiguration)$/;

interface Member {
  name: string;
  /** The kind of block in it. */
  inner: string | undefined;
  isList: boolean;
}

const folder = dirname(createRequire(import.meta.url).resolve('aws-cdk-lib/package.json'));
const sources = readdirSync(folder)
  .filter((name) => name.startsWith('aws-'))
  .flatMap((name) => {
    const inner = join(folder, name, 'lib');
    return readdirSync(inner)
      .filter((file) => file.endsWith('.generated.js'))
      .map((file) => readFileSync(join(inner, file), 'utf8'));
  });

const writtenMember =
  /[,{]"?([A-Za-z0-9]+)"?:(?:cdk\(\)|convert(Cfn\w+)ToCloudFormation)(?:(?:\.\w+\()*(?:cdk\(\)\.\w+\()*\[?(?:convert(Cfn\w+)ToCloudFormation)?)?/g;

function membersIn(text: string): Member[] {
  return [...text.matchAll(writtenMember)].map(([whole, name, direct, mapped]) => ({
    name: name!,
    inner: direct ?? mapped,
    isList: whole.includes('listMapper'),
  }));
}

/** For each type, the paths through its properties that end in a wanted one. */
function waysTo(isWanted: (member: Member, before: Member[]) => boolean): [type: string, way: Member[]][] {
  return sources.flatMap((source) => {
    const types = source.matchAll(
      /fqn:"aws-cdk-lib\.\w+\.(Cfn\w+)",version:"[^"]+"\};static CFN_RESOURCE_TYPE_NAME="([^"]+)"/g,
    );
    const blocks = new Map(
      [...source.matchAll(/function convert(Cfn\w+)ToCloudFormation\(properties\)\{(.*?)\}function /gs)].map(
        ([, name, body]) => [name!, membersIn(body!)],
      ),
    );
    const from = (block: string, way: Member[], above: string[]): Member[][] =>
      (blocks.get(block) ?? []).flatMap((member) => {
        if (member.inner === undefined) return isWanted(member, way) ? [[...way, member]] : [];
        const isCircle = above.includes(member.inner) || way.length > 6;
        return isCircle ? [] : from(member.inner, [...way, member], [...above, member.inner]);
      });
    return [...types].flatMap(([, name, type]) =>
      from(`${name}Props`, [], []).map((way): [string, Member[]] => [type!, way]),
    );
  });
}

/** Whether the control of the cache still passes after one more resource was added. */
function passesWith(Type: string, way: Member[], value: unknown): boolean {
  const Properties = way.reduceRight<unknown>(
    (inner, { name, isList }) => ({ [name]: isList ? [inner] : inner }),
    value,
  );
  const Launched = {
    Type: 'AWS::EC2::LaunchTemplate',
    Properties: { LaunchTemplateData: { SecurityGroupIds: [app] } },
  };
  const Resources = { ...new TemplateStack().resources, Launched, Added: { Type, Properties } };
  const template = parseTemplate(JSON.stringify({ Resources }), 'stack.json');
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  const { findings } = judgeTemplates([template], options, { selection: {} }).report;
  return findings.some(({ control, status }) => control === 'cache-only-from-asg' && status === 'pass');
}

const app = { 'Fn::GetAtt': ['AppGroup', 'GroupId'] };
const tell = ([type, way]: [string, Member[]]) => `${type} ${way.map(({ name }) => name).join('.')}`;

test('every property of AWS that has to do with groups is known for what it is', () => {
  const names = new Set(
    sources
      .flatMap(membersIn)
      .map(({ name }) => name)
      .filter((name) => /SecurityGroup/i.test(name) || name === 'GroupSet'),
  );
  expect(names.size).toBeGreaterThan(40);
  expect([...names].filter((name) => !namesGroups.test(name) && others[name] === undefined)).toEqual([]);
  expect(Object.keys(others).filter((name) => namesGroups.test(name))).toEqual([]);
});

test('every property of AWS that has to do with subnets is known for what it is', () => {
  const names = new Set(
    sources.flatMap(membersIn).flatMap(({ name }) => (/subnet/i.test(name) ? [name] : [])),
  );
  expect(names.size).toBeGreaterThan(30);
  const isKnown = (name: string) => namesSubnets.test(name) || namesSubnetGroup.test(name);
  expect([...names].filter((name) => !isKnown(name) && otherSubnets[name] === undefined)).toEqual([]);
  expect(Object.keys(otherSubnets).filter(isKnown)).toEqual([]);
});

test('a group that stands in any text of a type that has a place for groups may be used by it', () => {
  const types = sources.flatMap((source) =>
    [...source.matchAll(/CFN_RESOURCE_TYPE_NAME="([^"]+)"/g)].map(([, type]) => type!),
  );
  expect(types.length).toBeGreaterThan(1000);
  const made = (id: string, type: string, refers: string[] = []) => {
    const references = new Set(refers);
    const properties = { Text: refers.map((other) => `x ${other} y`) };
    return { id, type, properties, refers: references, handed: references, named: references };
  };
  const group = made('AppGroup', 'AWS::EC2::SecurityGroup');
  const draft = new Draft(emptySnapshot('', '', new Date(0)), [group], []);
  const silent = types.filter(
    (type) => mayBeAttached(draft, made('Added', type, ['AppGroup']), group, []) === undefined,
  );
  const takers = new Set(waysTo(({ name }) => namesGroups.test(name)).map(([type]) => type));
  expect(silent.filter((type) => takers.has(type)).toSorted()).toEqual([]);
});

test('no type that is given the instances’ group, however deep, leaves a store open to them alone', () => {
  const ways = waysTo(({ name }) => namesGroups.test(name)).filter(([type]) => !describesOnly.test(type));
  expect(ways.length).toBeGreaterThan(150);
  const passed = ways.filter(([type, way]) => {
    const { name, isList } = way.at(-1)!;
    const value = isList || /Id$|SecurityGroup$/.test(name) ? app : [app];
    return passesWith(type, way, value);
  });
  expect(passed.map(tell)).toEqual([]);
});

test('no type that is given a launch template with that group leaves a store open to the instances alone', () => {
  const isTemplate = ({ name }: Member) => /LaunchTemplate/.test(name);
  const ways = waysTo(
    (member, before) =>
      /^LaunchTemplate(Id|Name)$/.test(member.name) ||
      (/^(Id|Name)$/.test(member.name) && before.some(isTemplate)),
  ).filter(([type]) => !describesOnly.test(type));
  expect(ways.length).toBeGreaterThan(15);
  const passed = ways.filter(([type, way]) => passesWith(type, way, { Ref: 'Launched' }));
  expect(passed.map(tell)).toEqual([]);
});
