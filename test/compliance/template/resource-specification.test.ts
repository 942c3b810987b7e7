// AWS's own resource specification, as CDK carries it: whatever type is given a group, it is seen to have it.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { judgeTemplates } from '../../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { namesGroups } from '../../../ops-scripts/compliance/template/resource-facts.ts';
import { TemplateStack } from '../support/template-stack.ts';

/** Properties whose name has to do with groups and which give none to the resource, with what they are. */
const others: Record<string, string> = {
  SecurityGroupIngress: 'rules',
  SecurityGroupEgress: 'rules',
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
  DBSecurityGroupIngress: 'groups outside of networks, which are gone',
  DBSecurityGroupMemberships: 'groups outside of networks, which are gone',
  DBSecurityGroupName: 'groups outside of networks, which are gone',
  DBSecurityGroups: 'groups outside of networks, which are gone',
  VpcSecurityGroupMemberships: 'of an option of a database, whose port it opens',
};

/** Types that describe what others launch, and give nothing a group by themselves. */
const describesOnly = /^AWS::(EC2::LaunchTemplate|AutoScaling::LaunchConfiguration)$/;

const folder = dirname(createRequire(import.meta.url).resolve('aws-cdk-lib/package.json'));
const sources = readdirSync(folder)
  .filter((name) => name.startsWith('aws-'))
  .flatMap((name) => {
    const inner = join(folder, name, 'lib');
    return readdirSync(inner)
      .filter((file) => file.endsWith('.generated.js'))
      .map((file) => readFileSync(join(inner, file), 'utf8'));
  });

const membersIn = (text: string) =>
  [...text.matchAll(/[,{]"?([A-Za-z]+)"?:cdk\(\)/g)].map(([, name]) => name!);
const hasToDoWithGroups = (name: string) => /SecurityGroup/i.test(name) || name === 'GroupSet';

/** Each type with those of its own properties that give it groups. */
const given = sources.flatMap((source) => {
  const types = new Map(
    [
      ...source.matchAll(
        /fqn:"aws-cdk-lib\.\w+\.(Cfn\w+)",version:"[^"]+"\};static CFN_RESOURCE_TYPE_NAME="([^"]+)"/g,
      ),
    ].map(([, name, type]) => [name!, type!]),
  );
  const written = /function convert(Cfn\w+)PropsToCloudFormation\(properties\)\{(.*?)\}function /gs;
  return [...source.matchAll(written)].flatMap(([, name, body]) =>
    membersIn(body!)
      .filter((member) => namesGroups.test(member))
      .map((member) => [types.get(name!)!, member] as const),
  );
});

test('every property of AWS that has to do with groups is known for what it is', () => {
  const names = new Set(sources.flatMap(membersIn).filter(hasToDoWithGroups));
  expect(names.size).toBeGreaterThan(40);
  expect([...names].filter((name) => !namesGroups.test(name) && others[name] === undefined)).toEqual([]);
  expect(Object.keys(others).filter((name) => namesGroups.test(name))).toEqual([]);
});

test('no type that is given the instances’ group leaves a store open to the instances alone', () => {
  const wearing = given.filter(([type]) => !describesOnly.test(type));
  expect(wearing.length).toBeGreaterThan(50);
  const passed = wearing.filter(([type, property]) => {
    const app = { 'Fn::GetAtt': ['AppGroup', 'GroupId'] };
    const Resources = {
      ...new TemplateStack().resources,
      Added: { Type: type, Properties: { [property]: /Id$|SecurityGroup$/.test(property) ? app : [app] } },
    };
    const template = parseTemplate(JSON.stringify({ Resources }), 'stack.json');
    const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
    const { findings } = judgeTemplates([template], options, { selection: {} }).report;
    return findings.some(({ control, status }) => control === 'cache-only-from-asg' && status === 'pass');
  });
  expect(passed).toEqual([]);
});
