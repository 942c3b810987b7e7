// Breaks each property of the template on which a control relies. The right control fails, and no other.
import { beforeAll, expect, test } from 'vitest';
import { type SynthesizedTemplate, synthesize } from '../../ops-scripts/infra/synthesize.ts';
import { judgeTemplate, type Properties, propertiesOf } from './judge-template.ts';

type Break = (template: SynthesizedTemplate) => void;
type Rule = Record<string, unknown>;

const everyone = '0.0.0.0/0';
const types = {
  balancer: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
  listenerRule: 'AWS::ElasticLoadBalancingV2::ListenerRule',
  group: 'AWS::AutoScaling::AutoScalingGroup',
  cache: 'AWS::ElastiCache::ReplicationGroup',
  database: 'AWS::RDS::DBInstance',
  securityGroup: 'AWS::EC2::SecurityGroup',
  ingress: 'AWS::EC2::SecurityGroupIngress',
  egress: 'AWS::EC2::SecurityGroupEgress',
};

const set =
  (prefix: string, type: string, properties: Properties): Break =>
  (template) =>
    Object.assign(propertiesOf(template, prefix, type), properties);

/** Keeps only the first item of a list. */
const first =
  (prefix: string, type: string, name: string): Break =>
  (template) => {
    const properties = propertiesOf(template, prefix, type);
    properties[name] = (properties[name] as unknown[]).slice(0, 1);
  };

const openTo =
  (prefix: string, rule: Rule): Break =>
  (template) => {
    const properties = propertiesOf(template, prefix, types.securityGroup);
    const before = (properties['SecurityGroupIngress'] ?? []) as Rule[];
    properties['SecurityGroupIngress'] = [...before, { IpProtocol: 'tcp', ...rule }];
  };

const changeRule =
  (prefix: string, port: number, change: (rule: Rule) => void): Break =>
  (template) => {
    const rules = propertiesOf(template, prefix, types.securityGroup)['SecurityGroupIngress'] as Rule[];
    change(rules.find(({ FromPort }) => FromPort === port)!);
  };

/** Removes the rules between two groups that are resources of their own. */
const cut =
  (type: string, owner: string, other: string): Break =>
  (template) => {
    const pairs = Object.entries(template.Resources).filter(
      ([, { Type, Properties }]) =>
        Type === type &&
        JSON.stringify(Properties['GroupId']).includes(`"${owner}`) &&
        JSON.stringify([
          Properties['SourceSecurityGroupId'],
          Properties['DestinationSecurityGroupId'],
        ]).includes(`"${other}`),
    );
    expect(pairs.length).toBeGreaterThan(0);
    for (const [id] of pairs) delete template.Resources[id];
  };

const widen =
  (owner: string, other: string): Break =>
  (template) => {
    const rule = Object.values(template.Resources).find(
      ({ Type, Properties }) =>
        Type === types.ingress &&
        JSON.stringify(Properties['GroupId']).includes(`"${owner}`) &&
        JSON.stringify(Properties['SourceSecurityGroupId']).includes(`"${other}`),
    );
    Object.assign(rule!.Properties, { FromPort: 0, ToPort: 65_535 });
  };

const groupRef = (template: SynthesizedTemplate, prefix: string) => {
  const id = Object.keys(template.Resources).find(
    (each) => each.startsWith(prefix) && template.Resources[each]!.Type === types.securityGroup,
  );
  return { 'Fn::GetAtt': [id, 'GroupId'] };
};

const openToGroup =
  (prefix: string, other: string, port: number): Break =>
  (template) =>
    openTo(prefix, { FromPort: port, ToPort: port, SourceSecurityGroupId: groupRef(template, other) })(
      template,
    );

/** A machine beside the stack that has one of its groups. */
const bastion =
  (wears: string): Break =>
  (template) => {
    template.Resources['Bastion'] = {
      Type: 'AWS::EC2::Instance',
      Properties: { SecurityGroupIds: [groupRef(template, wears)] },
    };
  };

/** Other controls that fail too, because they read the same property. */
const alsoFails: Record<string, string[]> = {
  'the balancer in one subnet': ['asg-multi-az fail'],
  // Such origins are no part of the stack, but they still reach its stores.
  'origins that the balancer does not feed': ['database-only-from-asg fail'],
};

const mutations: [what: string, control: string, change: Break][] = [
  ['the balancer in one subnet', 'elb-multi-az', first('Balancer', types.balancer, 'Subnets')],
  ['a group of at least one', 'asg-multi-az', set('Origins', types.group, { MinSize: '1' })],
  ['workers of at least one', 'asg-multi-az', set('Workers', types.group, { MinSize: '1' })],
  ['a group in one subnet', 'asg-multi-az', first('Origins', types.group, 'VPCZoneIdentifier')],
  ['a cache without Multi-AZ', 'cache-multi-az', set('Cache', types.cache, { MultiAZEnabled: false })],
  [
    'a cache without failover',
    'cache-multi-az',
    set('Cache', types.cache, { AutomaticFailoverEnabled: false }),
  ],
  ['a cache of one node', 'cache-multi-az', set('Cache', types.cache, { NumCacheClusters: 1 })],
  [
    'cache nodes in one zone',
    'cache-multi-az',
    (template) => {
      const cache = propertiesOf(template, 'Cache', types.cache);
      const [zone] = cache['PreferredCacheClusterAZs'] as unknown[];
      cache['PreferredCacheClusterAZs'] = [zone, zone, zone];
    },
  ],
  ['a database without standby', 'database-multi-az', set('Database', types.database, { MultiAZ: false })],

  [
    '80 open to half of the web',
    'elb-open-to-web',
    changeRule('BalancerGroup', 80, (rule) => Object.assign(rule, { CidrIp: '0.0.0.0/1' })),
  ],
  [
    '80 to 443 as one range',
    'elb-open-to-web',
    changeRule('BalancerGroup', 80, (rule) => Object.assign(rule, { ToPort: 443 })),
  ],
  [
    '8080 open as well',
    'elb-open-to-web',
    openTo('BalancerGroup', { FromPort: 8080, ToPort: 8080, CidrIp: everyone }),
  ],

  [
    'origins open to everyone',
    'asg-only-from-elb',
    openTo('OriginGroup', { FromPort: 3000, ToPort: 3000, CidrIp: everyone }),
  ],
  [
    'origins open to the VPC',
    'asg-only-from-elb',
    openTo('OriginGroup', { FromPort: 3000, ToPort: 3000, CidrIp: '10.20.0.0/16' }),
  ],
  [
    'workers open on SSH',
    'asg-only-from-elb',
    openTo('WorkerGroup', { FromPort: 22, ToPort: 22, CidrIp: everyone }),
  ],
  ['origins open on every port', 'asg-only-from-elb', widen('OriginGroup', 'BalancerGroup')],
  ['origins open to one another', 'asg-only-from-elb', openToGroup('OriginGroup', 'OriginGroup', 3000)],
  ["a machine that has the balancer's group", 'asg-only-from-elb', bastion('BalancerGroup')],

  [
    'the cache open to everyone by IPv6',
    'cache-only-from-asg',
    openTo('CacheGroup', { FromPort: 6379, ToPort: 6379, CidrIpv6: '::/0' }),
  ],
  ['the cache open to the balancer', 'cache-only-from-asg', openToGroup('CacheGroup', 'BalancerGroup', 6379)],
  ['the cache open on every port', 'cache-only-from-asg', widen('CacheGroup', 'OriginGroup')],
  [
    'the database open in two halves',
    'database-only-from-asg',
    (template) => {
      for (const CidrIp of ['0.0.0.0/1', '128.0.0.0/1'])
        openTo('DatabaseGroup', { FromPort: 5432, ToPort: 5432, CidrIp })(template);
    },
  ],
  [
    'the database open to itself',
    'database-only-from-asg',
    openToGroup('DatabaseGroup', 'DatabaseGroup', 5432),
  ],
  ['the database open on every port', 'database-only-from-asg', widen('DatabaseGroup', 'WorkerGroup')],

  ['origins closed to the balancer', 'chain-connects', cut(types.ingress, 'OriginGroup', 'BalancerGroup')],
  ["the balancer's way out closed", 'chain-connects', cut(types.egress, 'BalancerGroup', 'OriginGroup')],
  ['the cache closed to origins', 'chain-connects', cut(types.ingress, 'CacheGroup', 'OriginGroup')],
  [
    "the workers' way to the database closed",
    'chain-connects',
    cut(types.egress, 'WorkerGroup', 'DatabaseGroup'),
  ],
  [
    'origins that the balancer does not feed',
    'cache-only-from-asg',
    (template) => {
      const shop = propertiesOf(template, 'BalancerSecureShop', types.listenerRule);
      shop['Actions'] = [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '503' } }];
    },
  ],
];

let sound: SynthesizedTemplate;
beforeAll(() => {
  sound = synthesize({ size: 'medium' });
});

test.each(mutations)('%s: %s fails', (what, control, change) => {
  const template = structuredClone(sound);
  change(template);
  const faulty = judgeTemplate(template).findings.filter(({ status }) => status !== 'pass');
  expect([...new Set(faulty.map((one) => `${one.control} ${one.status}`))]).toEqual([
    `${control} fail`,
    ...(alsoFails[what] ?? []),
  ]);
  // Logical ids are not names on AWS, so a fix of a template has to change the template.
  for (const fix of faulty.flatMap((one) => one.fix?.split('\n') ?? []))
    expect(fix).toMatch(/^In the template: /);
});

test('A missing route to the internet is a warning and fails nothing', () => {
  const template = structuredClone(sound);
  for (const [id, { Type, Properties }] of Object.entries(template.Resources))
    if (Type === 'AWS::EC2::Route' && 'GatewayId' in Properties) delete template.Resources[id];
  const { findings } = judgeTemplate(template);
  expect(findings.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(findings.flatMap(({ warnings }) => warnings).join()).toContain('no route to an internet gateway');
});
