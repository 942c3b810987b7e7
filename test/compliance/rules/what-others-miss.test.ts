// Mistakes that checkers miss when they compare strings. Each failure has a path as proof and a command that fixes it.

import { describe, expect, test } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { recordCall } from '../../../ops-scripts/compliance/snapshot.ts';
import {
  fromCidr,
  fromGroup,
  fromPrefixList,
  group,
  networkInterface,
  soundStack,
} from '../support/sound-stack.ts';
import { addIngress, answerOf, deny, findingOf, securityGroup, statusOf } from '../support/spoil.ts';

describe('the halves of the internet', () => {
  test('0.0.0.0/1 and 128.0.0.0/1 into the instances fail from the internet', () => {
    const snapshot = soundStack();
    addIngress(snapshot, 'sg-web', fromCidr(3000, '0.0.0.0/1'), fromCidr(3000, '128.0.0.0/1'));
    const finding = findingOf(snapshot, 'asg-only-from-elb');
    expect(finding.status).toBe('fail');
    expect(finding.path?.[0]).toMatch(/^internet/);
    expect(finding.fix).toContain('aws ec2 revoke-security-group-ingress --group-id sg-web');
  });

  test('the same two halves open the load balancer to all of IPv4', () => {
    const snapshot = soundStack();
    securityGroup(snapshot, 'sg-elb').IpPermissions = [80, 443].flatMap((port) => [
      fromCidr(port, '0.0.0.0/1'),
      fromCidr(port, '128.0.0.0/1'),
    ]);
    expect(statusOf(snapshot, 'elb-open-to-web')).toBe('pass');
  });

  test('2000::/3 into the database fails', () => {
    const snapshot = soundStack();
    addIngress(snapshot, 'sg-db', fromCidr(5432, '2000::/3'));
    expect(findingOf(snapshot, 'database-only-from-asg')).toMatchObject({ status: 'fail' });
  });
});

describe('prefix lists', () => {
  const withList = (cidrs: string[] | undefined) => {
    const snapshot = soundStack();
    addIngress(snapshot, 'sg-cache', fromPrefixList(6379, 'pl-1'));
    if (cidrs !== undefined) {
      const result = { Entries: cidrs.map((Cidr) => ({ Cidr })) };
      recordCall(
        snapshot,
        'ec2',
        'GetManagedPrefixListEntries',
        { PrefixListId: 'pl-1' },
        { ok: true, result },
      );
    }
    return statusOf(snapshot, 'cache-only-from-asg');
  };

  test('are judged by their entries, and unknown when they cannot be read', () => {
    expect(withList(['0.0.0.0/0'])).toBe('fail');
    expect(withList(['10.0.10.10/32', '10.0.11.10/32'])).toBe('pass');
    expect(withList(undefined)).toBe('unknown');
  });
});

test("the VPC's own CIDR into the cache fails, and names who has such an address", () => {
  const snapshot = soundStack();
  addIngress(snapshot, 'sg-cache', fromCidr(6379, '10.0.0.0/16'));
  const finding = findingOf(snapshot, 'cache-only-from-asg');
  expect(finding.status).toBe('fail');
  expect(finding.path?.[0]).toContain('load balancer shop at 10.0.0.10');
});

describe('what a group is attached to', () => {
  test("a bastion that has the load balancer's group fails, by a path from the internet", () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(
      group('sg-ssh', [fromCidr(22, '0.0.0.0/0')]),
    );
    answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!.push(
      networkInterface('eni-bastion', ['sg-ssh', 'sg-elb'], '10.0.0.99', '', 'i-bastion'),
    );
    const finding = findingOf(snapshot, 'asg-only-from-elb');
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('i-bastion');
    expect(finding.path?.[0]).toBe('internet (0.0.0.0/0)');
    expect(finding.fix).toBe(
      'aws ec2 modify-network-interface-attribute --network-interface-id eni-bastion --groups sg-ssh --region eu-west-1',
    );
  });

  test('a second group on one interface of the instances counts', () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(
      group('sg-extra', [fromCidr(22, '0.0.0.0/0')]),
    );
    answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!.push(
      networkInterface('eni-second', 'sg-extra', '10.0.10.11', '', 'i-0'),
    );
    expect(statusOf(snapshot, 'asg-only-from-elb')).toBe('fail');
  });

  test('a group attached to nothing passes with a note', () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(group('sg-idle', []));
    addIngress(snapshot, 'sg-cache', fromGroup(6379, 'sg-idle'));
    const finding = findingOf(snapshot, 'cache-only-from-asg');
    expect(finding.status).toBe('pass');
    expect(finding.reason).toContain('sg-idle is attached to nothing');
  });

  test('a rule that only a network ACL hides fails and names the ACL', () => {
    const snapshot = soundStack();
    addIngress(snapshot, 'sg-cache', fromCidr(6379, '0.0.0.0/0'));
    const Entries = [
      { RuleAction: 'deny', CidrBlock: '0.0.0.0/0', Protocol: '-1', RuleNumber: 1, Egress: false },
    ];
    const Associations = ['subnet-private-0', 'subnet-private-1'].map((SubnetId) => ({ SubnetId }));
    const NetworkAcls = [{ NetworkAclId: 'acl-7', Associations, Entries }];
    Object.assign(answerOf(snapshot, 'ec2', 'DescribeNetworkAcls'), { NetworkAcls });
    const finding = findingOf(snapshot, 'cache-only-from-asg');
    expect(finding).toMatchObject({ status: 'fail', reason: expect.stringContaining('acl-7') });
  });

  test('that there is none of a name that was asked for is an answer, and a denied call is none', () => {
    const asked = (name: string) => {
      const snapshot = soundStack();
      snapshot.calls['rds.DescribeDBClusters({"DBClusterIdentifier":"orders"})'] = {
        ok: false,
        error: { name, message: '' },
      };
      return judge(snapshot, { mode: 'snapshot', selection: {} }).summary.unknown;
    };
    expect(asked('DBClusterNotFoundFault')).toBe(0);
    expect(asked('AccessDenied')).toBeGreaterThan(0);
  });

  test('a self-reference fails; a deleted or foreign group, or a peered one that is not shown, is unknown', () => {
    const judged = (rule: object) => {
      const snapshot = soundStack();
      addIngress(snapshot, 'sg-cache', rule);
      return statusOf(snapshot, 'cache-only-from-asg');
    };
    const from = (pair: object) => ({
      IpProtocol: 'tcp',
      FromPort: 6379,
      ToPort: 6379,
      UserIdGroupPairs: [pair],
    });
    expect(judged(fromGroup(6379, 'sg-cache'))).toBe('fail');
    expect(judged(fromGroup(6379, 'sg-gone'))).toBe('unknown');
    expect(judged(from({ GroupId: 'sg-web', UserId: '999999999999' }))).toBe('unknown');
    expect(judged(from({ GroupId: 'sg-far', VpcPeeringConnectionId: 'pcx-1' }))).toBe('unknown');
    // A peered group that the account's answers contain is resolved like any other group.
    expect(judged(from({ GroupId: 'sg-elb', VpcPeeringConnectionId: 'pcx-1' }))).toBe('fail');
    expect(judged(from({ GroupId: 'sg-web', VpcPeeringConnectionId: 'pcx-1' }))).toBe('pass');
  });

  test('missing interfaces alone are not unknown', () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces = [];
    expect(statusOf(snapshot, 'database-only-from-asg')).toBe('pass');
  });

  test('missing groups are unknown', () => {
    const snapshot = soundStack();
    for (const cluster of answerOf(snapshot, 'elasticache', 'DescribeCacheClusters').CacheClusters!) {
      cluster.SecurityGroups = [];
    }
    answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces = [];
    expect(statusOf(snapshot, 'cache-only-from-asg')).toBe('unknown');
  });
});

test.each([
  ['all traffic', fromGroup(-1, 'sg-web', -1, '-1')],
  ['a wider range', fromGroup(5000, 'sg-web', 6000)],
  ['another protocol', fromGroup(5432, 'sg-web', 5432, 'udp')],
])('%s from the right group into the database fails as excess', (_name, rule) => {
  const snapshot = soundStack();
  addIngress(snapshot, 'sg-db', rule);
  expect(findingOf(snapshot, 'database-only-from-asg').reason).toContain('opens more');
  expect(statusOf(snapshot, 'database-only-from-asg')).toBe('fail');
});

describe('a rule that only a network ACL hides fails, and says so', () => {
  const closed = () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'ec2', 'DescribeNetworkAcls').NetworkAcls = [
      {
        NetworkAclId: 'acl-1',
        Associations: [{ SubnetId: 'subnet-private-0' }, { SubnetId: 'subnet-private-1' }],
        Entries: [
          { RuleNumber: 1, Egress: false, Protocol: '6', CidrBlock: '10.0.0.0/22', RuleAction: 'deny' },
          { RuleNumber: 2, Egress: false, Protocol: '-1', CidrBlock: '10.0.0.0/16', RuleAction: 'allow' },
        ],
      },
    ];
    return snapshot;
  };
  const hidden = expect.stringContaining('a network ACL alone hides it');

  test('for addresses', () => {
    const snapshot = closed();
    addIngress(snapshot, 'sg-db', fromCidr(5432, '198.51.100.0/24'));
    expect(findingOf(snapshot, 'database-only-from-asg')).toMatchObject({ status: 'fail', reason: hidden });
  });

  test('for a part that has the source group', () => {
    const snapshot = closed();
    addIngress(snapshot, 'sg-db', fromGroup(5432, 'sg-elb'));
    expect(findingOf(snapshot, 'database-only-from-asg')).toMatchObject({ status: 'fail', reason: hidden });
  });

  test('for a machine, and not for one in a subnet that the ACL lets through', () => {
    const judged = (address: string) => {
      const snapshot = closed();
      answerOf(snapshot, 'ec2', 'DescribeNetworkInterfaces').NetworkInterfaces!.push(
        networkInterface('eni-bastion', 'sg-web', address, '', 'i-bastion'),
      );
      return findingOf(snapshot, 'database-only-from-asg');
    };
    expect(judged('10.0.1.99')).toMatchObject({ status: 'fail', reason: hidden });
    expect(judged('10.0.10.99')).toMatchObject({
      status: 'fail',
      reason: expect.not.stringContaining('ACL'),
    });
  });
});

describe('the load balancer', () => {
  test('80-443 as one range, another port and an absent port fail', () => {
    const judged = (...rules: object[]) => {
      const snapshot = soundStack();
      securityGroup(snapshot, 'sg-elb').IpPermissions = rules as [];
      return statusOf(snapshot, 'elb-open-to-web');
    };
    const [http, https] = [fromCidr(80, '0.0.0.0/0'), fromCidr(443, '0.0.0.0/0')];
    expect(judged(http, https)).toBe('pass');
    expect(judged(fromCidr(80, '0.0.0.0/0', 443))).toBe('fail');
    expect(judged(http, https, fromCidr(8080, '0.0.0.0/0'))).toBe('fail');
    expect(judged(http)).toBe('fail');
    expect(judged(http, fromCidr(443, '0.0.0.0/1'))).toBe('fail');
  });

  test('must be open to IPv6 too where it is dual-stack', () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers![0]!.IpAddressType = 'dualstack';
    expect(statusOf(snapshot, 'elb-open-to-web')).toBe('fail');
    addIngress(snapshot, 'sg-elb', fromCidr(80, '::/0'), fromCidr(443, '::/1'), fromCidr(443, '8000::/1'));
    expect(statusOf(snapshot, 'elb-open-to-web')).toBe('pass');
  });
});

describe('zones', () => {
  test('replicas that all stand in one zone fail, MultiAZ or not', () => {
    const snapshot = soundStack();
    const shard = answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups![0]!
      .NodeGroups![0]!;
    for (const member of shard.NodeGroupMembers!) member.PreferredAvailabilityZone = 'eu-west-1a';
    expect(statusOf(snapshot, 'cache-multi-az')).toBe('fail');
  });

  test('Local Zones do not count', () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'elbv2', 'DescribeLoadBalancers').LoadBalancers![0]!.AvailabilityZones![1]!.ZoneName =
      'us-west-2-lax-1a';
    expect(statusOf(snapshot, 'elb-multi-az')).toBe('fail');
  });

  test('a state in between is unknown', () => {
    const snapshot = soundStack();
    answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups![0]!.MultiAZ =
      'enabling' as 'enabled';
    answerOf(snapshot, 'rds', 'DescribeDBInstances').DBInstances![0]!.DBInstanceStatus = 'modifying';
    expect(statusOf(snapshot, 'cache-multi-az')).toBe('unknown');
    expect(statusOf(snapshot, 'database-multi-az')).toBe('unknown');
  });
});

test('a call that was denied beside a rule that is open is still a failure', () => {
  const snapshot = soundStack();
  addIngress(snapshot, 'sg-db', fromCidr(5432, '0.0.0.0/0'));
  deny(snapshot, 'ec2.DescribeInstances');
  expect(statusOf(snapshot, 'database-only-from-asg')).toBe('fail');
});
