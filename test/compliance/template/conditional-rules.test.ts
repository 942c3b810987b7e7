// A resource that depends on a condition, or on a parameter without a value, counts neither as present nor as absent.
import { describe, expect, test } from 'vitest';
import { findingOfTemplate, type Resources, unset } from '../support/judged-template.ts';

describe('a listener rule that may not exist', () => {
  const byRule = (more: object) => (r: Resources) => {
    for (const [id, { Type, Properties }] of Object.entries(r))
      if (Type === 'AWS::ElasticLoadBalancingV2::Listener')
        r[id]!.Properties = { ...Properties, DefaultActions: [{ Type: 'fixed-response' }] };
    r['Forward'] = {
      Type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
      Properties: {
        ListenerArn: { Ref: 'Listener443' },
        Actions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }],
      },
      ...more,
    };
  };
  const judged = (more: object) => findingOfTemplate('chain-connects', byRule(more)).status;

  test('is the way in where it exists, and unknown where that hangs on a parameter', () => {
    expect(judged({})).toBe('pass');
    expect(judged({ Condition: 'Wanted' })).toBe('unknown');
  });
});

test('a health check on a port that is a parameter is unknown', () => {
  const finding = findingOfTemplate('asg-only-from-elb', (r) => {
    r['Targets']!.Properties['HealthCheckPort'] = unset;
    (r['AppGroup']!.Properties['SecurityGroupIngress'] as object[]).push({
      IpProtocol: 'tcp',
      FromPort: 9000,
      ToPort: 9000,
      SourceSecurityGroupId: { 'Fn::GetAtt': ['WebGroup', 'GroupId'] },
    });
  });
  expect(finding).toMatchObject({ status: 'unknown', reason: expect.stringContaining('Unset') });
});

test('an entry of a network ACL that may not exist is unknown', () => {
  const judged = (more: object) =>
    findingOfTemplate('chain-connects', (r) => {
      r['Acl'] = { Type: 'AWS::EC2::NetworkAcl', Properties: { VpcId: { Ref: 'Vpc' } } };
      for (const zone of ['A', 'B'])
        r[`Link${zone}`] = {
          Type: 'AWS::EC2::SubnetNetworkAclAssociation',
          Properties: { NetworkAclId: { Ref: 'Acl' }, SubnetId: { Ref: `Subnet${zone}` } },
        };
      for (const Egress of [true, false])
        r[`Entry${Egress}`] = {
          Type: 'AWS::EC2::NetworkAclEntry',
          Properties: {
            NetworkAclId: { Ref: 'Acl' },
            RuleNumber: 100,
            Protocol: -1,
            RuleAction: 'allow',
            CidrBlock: '0.0.0.0/0',
            Egress,
          },
          ...more,
        };
    }).status;
  expect(judged({})).toBe('pass');
  expect(judged({ Condition: 'Wanted' })).toBe('unknown');
});

/** Both subnets of the stack have an ACL that denies everybody, if each of its parts exists. */
function withAcl(resources: Resources, parts: { acl?: object; entries?: object; links?: object }) {
  const add = (id: string, Type: string, Properties: object, more: object = {}) =>
    Object.assign(resources, { [id]: { Type: `AWS::EC2::${Type}`, Properties, ...more } });
  const NetworkAclId = { Ref: 'Acl' };
  add('Acl', 'NetworkAcl', { VpcId: { Ref: 'Vpc' } }, parts.acl);
  for (const Egress of [true, false])
    add(
      `Entry${Egress}`,
      'NetworkAclEntry',
      { NetworkAclId, Egress, RuleNumber: 100, RuleAction: 'deny', Protocol: -1, CidrBlock: '0.0.0.0/0' },
      parts.entries,
    );
  for (const zone of ['A', 'B']) {
    const SubnetId = { Ref: `Subnet${zone}` };
    add(`Link${zone}`, 'SubnetNetworkAclAssociation', { NetworkAclId, SubnetId }, parts.links);
  }
}

test.each<[string, string, (resources: Resources) => void]>([
  ['that is there', 'fail', (resources) => withAcl(resources, {})],
  [
    'that may not be there',
    'unknown',
    (resources) =>
      withAcl(resources, {
        acl: { Condition: 'Wanted' },
        entries: { Condition: 'Wanted' },
        links: { Condition: 'Wanted' },
      }),
  ],
  [
    'whose subnets may have another',
    'unknown',
    (resources) => withAcl(resources, { links: { Condition: 'Wanted' } }),
  ],
  [
    'of a subnet that is not known',
    'unknown',
    (resources) => {
      withAcl(resources, {});
      delete resources['LinkB'];
      resources['LinkA']!.Properties['SubnetId'] = unset;
    },
  ],
  [
    'that is not known',
    'unknown',
    (resources) => {
      withAcl(resources, {});
      for (const id of ['LinkA', 'LinkB', 'Entrytrue', 'Entryfalse'])
        resources[id]!.Properties['NetworkAclId'] = unset;
    },
  ],
])('a network ACL %s is judged as %s', (_what, expected, change) => {
  expect(findingOfTemplate('chain-connects', change).status).toBe(expected);
});
