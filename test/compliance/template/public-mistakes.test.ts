// Mistakes of public checkers: wrong passes, and unknowns that the template decides.
import { expect, test } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { emptySnapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import {
  add,
  bothStores,
  ofType,
  type Template,
  type TemplateCase,
  verdictsOfTemplate,
} from '../support/judged-template.ts';

const stores = bothStores;
const resolve = '{{resolve:ssm:/shop/value:1}}';
const asgType = 'AWS::AutoScaling::AutoScalingGroup';
const everyone = { IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, CidrIp: '0.0.0.0/0' };

const mixed = (Overrides: unknown) => (template: Template) => {
  const properties = ofType(template, asgType);
  const LaunchTemplateSpecification = properties['LaunchTemplate'];
  delete properties['LaunchTemplate'];
  properties['MixedInstancesPolicy'] = { LaunchTemplate: { LaunchTemplateSpecification, Overrides } };
};

const withoutListeners = (template: Template) => {
  for (const [id, { Type }] of Object.entries(template.Resources))
    if (Type === 'AWS::ElasticLoadBalancingV2::Listener') delete template.Resources[id];
};

const cases: TemplateCase[] = [
  ['the sound template', () => undefined, {}],
  [
    'a rule that is added by the name of a group',
    (template) => {
      template.Resources['DataGroup']!.Properties['GroupName'] = 'shop-data';
      add('AWS::EC2::SecurityGroupIngress', {
        GroupName: 'shop-data',
        IpProtocol: 'tcp',
        FromPort: 5432,
        ToPort: 5432,
        CidrIp: '0.0.0.0/0',
      })(template);
    },
    { 'database-only-from-asg': 'fail' },
  ],
  [
    'a rule that is added to a group known at deployment',
    add('AWS::EC2::SecurityGroupIngress', { GroupId: resolve, IpProtocol: '-1', CidrIp: '0.0.0.0/0' }),
    { ...stores('unknown'), 'asg-only-from-elb': 'unknown', 'elb-open-to-web': 'unknown' },
  ],
  [
    'a size that is resolved at deployment',
    (template) => {
      ofType(template, asgType)['MinSize'] = resolve;
    },
    { 'asg-multi-az': 'unknown' },
  ],
  [
    'a scheduled action that sets no instances',
    (template) => {
      const group = Object.entries(template.Resources).find(([, { Type }]) => Type === asgType)![0];
      add('AWS::AutoScaling::ScheduledAction', { AutoScalingGroupName: { Ref: group }, MinSize: 0 })(
        template,
      );
    },
    { 'asg-multi-az': 'fail' },
  ],
  [
    'a scheduled action that keeps the size',
    (template) => {
      const group = Object.entries(template.Resources).find(([, { Type }]) => Type === asgType)![0];
      add('AWS::AutoScaling::ScheduledAction', { AutoScalingGroupName: { Ref: group }, MinSize: 3 })(
        template,
      );
    },
    {},
  ],
  [
    'instances of which one makes up the size by its weight',
    (template) => {
      const properties = ofType(template, asgType);
      const specification = properties['LaunchTemplate'];
      delete properties['LaunchTemplate'];
      const override = { InstanceType: 'm5.4xlarge', WeightedCapacity: '8' };
      properties['MixedInstancesPolicy'] = {
        LaunchTemplate: { LaunchTemplateSpecification: specification, Overrides: [override] },
      };
    },
    { 'asg-multi-az': 'fail' },
  ],
  [
    'a macro over a group, which may rewrite its rules',
    (template) => {
      template.Resources['DataGroup']!.Properties['Fn::Transform'] = { Name: 'AWS::Include' };
    },
    { 'database-only-from-asg': 'unknown', 'chain-connects': 'unknown' },
  ],
  [
    'a group whose name is a parameter without value',
    (template) => {
      ofType(template, asgType)['AutoScalingGroupName'] = { 'Fn::Sub': `shop-\${Unset}` };
    },
    {},
  ],
  [
    'a default of a mapping',
    (template) => {
      template['Mappings'] = { Settings: { prod: { Multi: false } } };
      template['Transform'] = 'AWS::LanguageExtensions';
      ofType(template, 'AWS::RDS::DBInstance')['MultiAZ'] = {
        'Fn::FindInMap': ['Settings', 'here', 'Multi', { DefaultValue: true }],
      };
    },
    {},
  ],
  [
    'instance types that only deployment tells, with weights and launch templates of their own',
    mixed([{ Ref: 'Unset' }]),
    {
      ...stores('unknown'),
      'asg-multi-az': 'unknown',
      'asg-only-from-elb': 'unknown',
      'chain-connects': 'unknown',
    },
  ],
  [
    'a weight that is resolved at deployment',
    mixed([{ InstanceType: 'm5.large', WeightedCapacity: resolve }]),
    { 'asg-multi-az': 'unknown' },
  ],
  [
    'a read replica of a database that no template tells',
    (template) => {
      ofType(template, 'AWS::RDS::DBInstance')['SourceDBInstanceIdentifier'] =
        'arn:aws:rds:eu-west-3:1:db:orders';
    },
    { 'database-multi-az': 'unknown' },
  ],
  [
    'a size that is one of a few, all large enough',
    (template) => {
      template['Parameters'] = { Size: { Type: 'Number', AllowedValues: [2, 3] }, Unset: { Type: 'String' } };
      ofType(template, asgType)['MinSize'] = { 'Fn::If': ['Prod', { Ref: 'Size' }, 4] };
      template['Conditions'] = { Prod: { 'Fn::Equals': [{ Ref: 'Unset' }, 'prod'] } };
    },
    {},
  ],
  [
    'a scaling plan that sets no instances',
    add('AWS::AutoScalingPlans::ScalingPlan', {
      ScalingInstructions: [
        { ResourceId: { 'Fn::Sub': `autoScalingGroup/\${Group}` }, MinCapacity: 0, MaxCapacity: 4 },
      ],
    }),
    { 'asg-multi-az': 'fail' },
  ],
  [
    'a scaling plan of another group',
    add('AWS::AutoScalingPlans::ScalingPlan', {
      ScalingInstructions: [{ ResourceId: 'autoScalingGroup/jobs', MinCapacity: 0, MaxCapacity: 4 }],
    }),
    {},
  ],
  [
    'a scheduled action of a group whose name only deployment tells',
    (template) => {
      ofType(template, asgType)['AutoScalingGroupName'] = { 'Fn::Sub': `\${Unset}-web` };
      add('AWS::AutoScaling::ScheduledAction', { AutoScalingGroupName: 'shop-web', MinSize: 0 })(template);
    },
    { 'asg-multi-az': 'unknown' },
  ],
  [
    'a rule on a group by a name that only deployment tells',
    (template) => {
      template.Resources['DataGroup']!.Properties['GroupName'] = { 'Fn::Sub': `\${AWS::StackName}-data` };
      add('AWS::EC2::SecurityGroupIngress', { GroupName: 'shop-data', ...everyone })(template);
    },
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a standby that a dynamic reference within text decides',
    (template) => {
      ofType(template, 'AWS::RDS::DBInstance')['MultiAZ'] = { 'Fn::Sub': resolve };
    },
    { 'database-multi-az': 'unknown' },
  ],
  [
    'a standby that hangs on the name of the stack',
    (template) => {
      template['Conditions'] = { Prod: { 'Fn::Equals': [{ Ref: 'AWS::StackName' }, 'prod'] } };
      ofType(template, 'AWS::RDS::DBInstance')['MultiAZ'] = { 'Fn::If': ['Prod', true, false] };
    },
    { 'database-multi-az': 'unknown' },
  ],
  [
    'a resource that a macro writes whole',
    (template) => {
      template.Resources['Made'] = { 'Fn::Transform': { Name: 'Make' } } as never;
    },
    Object.fromEntries(
      judge(emptySnapshot('', '', new Date()), { mode: 'template', selection: {} }).findings.map(
        ({ control }) => [control, 'unknown'],
      ),
    ),
  ],
  [
    'properties that one condition or another gives',
    (template) => {
      template['Conditions'] = { Prod: { 'Fn::Equals': [{ Ref: 'Unset' }, 'prod'] } };
      const own = template.Resources['DataGroup']!.Properties;
      const open = { ...own, SecurityGroupIngress: [everyone] };
      template.Resources['DataGroup']!.Properties = { 'Fn::If': ['Prod', own, open] };
    },
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'rules that are no value for one condition',
    (template) => {
      template['Conditions'] = { Never: { 'Fn::Equals': ['a', 'b'] } };
      template.Resources['OtherGroup']!.Properties['SecurityGroupIngress'] = {
        'Fn::If': ['Never', [everyone], { Ref: 'AWS::NoValue' }],
      };
    },
    {},
  ],
  [
    'a destination that only deployment tells',
    (template) => {
      template.Resources['WebGroup']!.Properties['SecurityGroupEgress'] = [
        { IpProtocol: 'tcp', FromPort: 3000, ToPort: 3000, CidrIp: { Ref: 'Unset' } },
      ];
    },
    { 'chain-connects': 'unknown' },
  ],
  [
    'another load balancer, which has the default group of its VPC',
    add('AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internal', Subnets: [{ Ref: 'SubnetA' }] }),
    {},
  ],
  [
    'a cluster of one instance, wherever AWS places it',
    (template) => {
      const { VPCSecurityGroups: groups, DBSubnetGroupName } = template.Resources['Database']!.Properties;
      template.Resources['Database'] = {
        Type: 'AWS::RDS::DBCluster',
        Properties: { Engine: 'aurora-postgresql', VpcSecurityGroupIds: groups, DBSubnetGroupName },
      };
      add('AWS::RDS::DBInstance', { Engine: 'aurora-postgresql', DBClusterIdentifier: { Ref: 'Database' } })(
        template,
      );
    },
    { 'database-multi-az': 'fail' },
  ],
  [
    'Memcached over several zones, in subnets that only deployment tells',
    (template) => {
      const groups = template.Resources['Cache']!.Properties['SecurityGroupIds'];
      template.Resources['CacheSubnets']!.Properties['SubnetIds'] = [
        { 'Fn::Select': [0, { Ref: 'Unset' }] },
        { 'Fn::Select': [1, { Ref: 'Unset' }] },
      ];
      template.Resources['Cache'] = {
        Type: 'AWS::ElastiCache::CacheCluster',
        Properties: {
          Engine: 'memcached',
          AZMode: 'cross-az',
          NumCacheNodes: 2,
          Port: 6379,
          CacheSubnetGroupName: { Ref: 'CacheSubnets' },
          VpcSecurityGroupIds: groups,
        },
      };
    },
    {},
  ],
];

test.each(cases)('%s is judged as it is', (_what, change, expected) => {
  expect(verdictsOfTemplate(change)).toEqual(expected);
});

test.each(['OurMacro', { Name: 'AWS::Include', Parameters: {} }])(
  'a macro over the whole template leaves nothing certain',
  (macro) => {
    const found = verdictsOfTemplate((template) => {
      template['Transform'] = ['AWS::LanguageExtensions', macro];
    });
    expect(Object.values(found)).toEqual(Array(9).fill('unknown'));
  },
);

test('a group that ECS may register with the target group of a listener is not said to be cut off', () => {
  const apart = (more: TemplateCase[1]) =>
    verdictsOfTemplate(
      (template) => {
        delete ofType(template, asgType)['TargetGroupARNs'];
        more(template);
      },
      { autoScalingGroup: ['Group'] },
    )['chain-connects'];
  const service = { LoadBalancers: [{ ContainerPort: 3000, TargetGroupArn: { Ref: 'Targets' } }] };
  expect(apart(() => undefined)).toBe('fail');
  expect(apart(add('AWS::ECS::Service', service))).toBe('unknown');
  expect(apart(add('AWS::ECS::Service', { ...service, LaunchType: 'FARGATE' }))).toBe('fail');
});

test('a listener that is not there may be added by another stack, or stands under a condition', () => {
  const group = { autoScalingGroup: ['Group'] };
  expect(verdictsOfTemplate(withoutListeners, group)).toEqual({ 'chain-connects': 'fail' });
  const told = verdictsOfTemplate((template) => {
    withoutListeners(template);
    template['Outputs'] = { Balancer: { Value: { Ref: 'Balancer' } } };
  }, group);
  expect(told).toEqual({ 'chain-connects': 'unknown' });
  const perhaps = verdictsOfTemplate((template) => {
    for (const resource of Object.values(template.Resources)) {
      const isForwarding = JSON.stringify(resource).includes('"forward"');
      if (resource.Type === 'AWS::ElasticLoadBalancingV2::Listener' && isForwarding)
        Object.assign(resource, { Condition: 'Nowhere' });
    }
  }, group);
  expect(perhaps).toEqual({ 'chain-connects': 'unknown' });
});

test.each([null, [], 'text', { Properties: {} }])(
  'a resource that is %j is refused by its name',
  (resource) => {
    const text = JSON.stringify({ Resources: { Odd: resource } });
    expect(() => parseTemplate(text, 'stack.json')).toThrow(/'Odd'/);
  },
);

test('a template with one key twice is refused', () => {
  expect(() => parseTemplate('Resources:\n  A: { Type: X }\n  A: { Type: Y }\n', 'stack.yaml')).toThrow(
    /Map keys must be unique at line 3, column 3$/,
  );
});
