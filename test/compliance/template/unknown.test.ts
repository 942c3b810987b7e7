// Facts of the stack that a template can't know make the verdict `unknown`, with a reason.
import { expect, it } from 'vitest';
import { findingOfTemplate, unset as parameter, type Resources } from '../support/judged-template.ts';

it.each<[string, string, string, (resources: Resources) => void]>([
  ['a source that is a parameter', 'asg-only-from-elb', 'Unset', (r) => rule(r, 'AppGroup', parameter)],
  [
    'a source of another stack',
    'database-only-from-asg',
    'web-group',
    (r) => rule(r, 'DataGroup', { 'Fn::ImportValue': 'web-group' }),
  ],
  [
    'a rule behind a condition',
    'cache-only-from-asg',
    'Unset',
    (r) => {
      rule(r, 'StoreGroup', { 'Fn::GetAtt': ['AppGroup', 'GroupId'] });
      Object.assign(r['Extra']!, { Condition: 'Wanted' });
    },
  ],
  ['a rule of which group is not known', 'elb-open-to-web', 'Unset', (r) => rule(r, parameter, 'sg-1')],
  [
    'a group that a nested stack gets',
    'asg-only-from-elb',
    'Nested',
    (r) => {
      r['Nested'] = {
        Type: 'AWS::CloudFormation::Stack',
        Properties: { TemplateURL: 'x', Parameters: { Group: { Ref: 'AppGroup' } } },
      };
    },
  ],
  [
    'a listener behind a condition',
    'chain-connects',
    'Unset',
    (r) => {
      for (const resource of Object.values(r)) {
        if (resource.Type === 'AWS::ElasticLoadBalancingV2::Listener')
          Object.assign(resource, { Condition: 'Wanted' });
      }
    },
  ],
  ['subnets that are parameters', 'elb-multi-az', 'Unset', (r) => set(r, 'Balancer', { Subnets: parameter })],
  ['a size that is a parameter', 'asg-multi-az', 'Unset', (r) => set(r, 'Group', { MinSize: parameter })],
  [
    'Multi-AZ that is a parameter',
    'database-multi-az',
    'Unset',
    (r) => set(r, 'Database', { MultiAZ: parameter }),
  ],
  [
    'cache nodes that AWS places',
    'cache-multi-az',
    'leaves the zone',
    (r) => set(r, 'Cache', { PreferredCacheClusterAZs: undefined }),
  ],
  [
    'groups that are a parameter',
    'cache-only-from-asg',
    'Unset',
    (r) => set(r, 'Cache', { SecurityGroupIds: [parameter] }),
  ],
])('%s makes %s unknown', (_name, control, reason, change) => {
  const finding = findingOfTemplate(control, change);
  expect(finding.status).toBe('unknown');
  expect(finding.reason).toContain(reason);
});

function rule(resources: Resources, group: unknown, source: unknown) {
  const GroupId = typeof group === 'string' ? { 'Fn::GetAtt': [group, 'GroupId'] } : group;
  resources['Extra'] = {
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: { GroupId, IpProtocol: 'tcp', FromPort: 3000, ToPort: 3000, SourceSecurityGroupId: source },
  };
}

function set(resources: Resources, id: string, properties: Record<string, unknown>) {
  Object.assign(resources[id]!.Properties, properties);
}
