// CloudFormation's defaults for groups and caches, and each way to name a launch template.
import { describe, expect, test } from 'vitest';
import { findingOfTemplate, findingsOfTemplate, type Resources } from '../support/judged-template.ts';

const notPassed = (change: (resources: Resources) => void) =>
  findingsOfTemplate(change).filter(({ status }) => status !== 'pass');
const idOf = (group: string) => ({ 'Fn::GetAtt': [group, 'GroupId'] });
const subnets = [{ Ref: 'SubnetA' }, { Ref: 'SubnetB' }];

describe('a launch template', () => {
  test.each([
    ['by a literal version', { LaunchTemplateId: { Ref: 'LaunchTemplate' }, Version: '1' }],
    ['by a version that is a number', { LaunchTemplateId: { Ref: 'LaunchTemplate' }, Version: 3 }],
    ['by its name', { LaunchTemplateName: 'origins', Version: '1' }],
    ['by its name and the newest version', { LaunchTemplateName: 'origins', Version: '$Latest' }],
  ])('is found %s', (_how, LaunchTemplate) => {
    const judged = notPassed((r) => {
      r['LaunchTemplate']!.Properties['LaunchTemplateName'] = 'origins';
      Object.assign(r['Group']!.Properties, { LaunchTemplate });
    });
    expect(judged).toEqual([]);
  });

  test('whose version is a parameter is unknown, by that reason', () => {
    const finding = findingOfTemplate('asg-only-from-elb', (r) => {
      Object.assign(r['Group']!.Properties, {
        LaunchTemplate: { LaunchTemplateId: { Ref: 'LaunchTemplate' }, Version: { Ref: 'Unset' } },
      });
    });
    expect(finding.status).toBe('unknown');
    expect(finding.reason).toContain('Unset');
  });
});

test('a launch configuration that gives public addresses is warned of', () => {
  const finding = findingOfTemplate('asg-only-from-elb', (r) => {
    r['Configuration'] = {
      Type: 'AWS::AutoScaling::LaunchConfiguration',
      Properties: { SecurityGroups: [idOf('AppGroup')], AssociatePublicIpAddress: 'true' },
    };
    const group = r['Group']!.Properties;
    delete group['LaunchTemplate'];
    group['LaunchConfigurationName'] = { Ref: 'Configuration' };
  });
  expect(finding).toMatchObject({
    status: 'pass',
    warnings: ['the launch template gives instances a public address'],
  });
});

test('a group that is attached by a traffic source is found', () => {
  const judged = notPassed((r) => {
    const group = r['Group']!.Properties;
    delete group['TargetGroupARNs'];
    group['TrafficSources'] = [{ Identifier: { Ref: 'Targets' }, Type: 'elbv2' }];
  });
  expect(judged).toEqual([]);
});

describe('Memcached', () => {
  const memcached = (more: object) => (r: Resources) => {
    r['Cache'] = {
      Type: 'AWS::ElastiCache::CacheCluster',
      Properties: {
        Engine: 'memcached',
        NumCacheNodes: 2,
        CacheSubnetGroupName: { Ref: 'CacheSubnets' },
        VpcSecurityGroupIds: [idOf('StoreGroup')],
        ...more,
      },
    };
  };
  const PreferredAvailabilityZones = ['eu-west-1a', 'eu-west-1b'];
  const judged = (more: object) => findingOfTemplate('cache-multi-az', memcached(more)).status;

  test('stands in one zone unless it is spread', () => {
    expect(judged({})).toBe('fail');
    expect(judged({ AZMode: 'single-az' })).toBe('fail');
    expect(judged({ PreferredAvailabilityZones })).toBe('fail');
    expect(judged({ AZMode: 'cross-az', PreferredAvailabilityZones })).toBe('pass');
    expect(judged({ AZMode: 'cross-az', NumCacheNodes: 1, PreferredAvailabilityZones })).toBe('fail');
  });

  test('spread over zones that AWS chooses stands in several, and by a parameter is unknown', () => {
    expect(judged({ AZMode: 'cross-az' })).toBe('pass');
    expect(judged({ AZMode: 'cross-az', NumCacheNodes: 1 })).toBe('fail');
    expect(judged({ AZMode: { Ref: 'Unset' }, PreferredAvailabilityZones })).toBe('unknown');
  });
});

describe('a serverless cache', () => {
  const serverless = (more: object, port: number) => (r: Resources) => {
    r['Cache'] = {
      Type: 'AWS::ElastiCache::ServerlessCache',
      Properties: {
        ServerlessCacheName: 'carts',
        Engine: 'memcached',
        SecurityGroupIds: [idOf('StoreGroup')],
        SubnetIds: subnets,
        ...more,
      },
    };
    r['StoreGroup']!.Properties['SecurityGroupIngress'] = [
      { IpProtocol: 'tcp', FromPort: port, ToPort: port, SourceSecurityGroupId: idOf('AppGroup') },
    ];
    for (const [id, { Type, Properties }] of Object.entries(r))
      if (Type === 'AWS::EC2::SecurityGroupIngress' && JSON.stringify(Properties).includes('StoreGroup'))
        delete r[id];
  };

  test('of Memcached listens on 11211, of Valkey on 6379', () => {
    expect(notPassed(serverless({}, 11_211))).toEqual([]);
    expect(findingOfTemplate('chain-connects', serverless({}, 6379)).status).toBe('fail');
    expect(notPassed(serverless({ Engine: 'valkey' }, 6379))).toEqual([]);
  });

  test('that leaves its subnets to AWS is unknown', () => {
    const change = serverless({ SubnetIds: undefined }, 11_211);
    expect(findingOfTemplate('cache-multi-az', change).status).toBe('unknown');
  });
});

describe('a read replica', () => {
  test.each([
    ['of an instance', { SourceDBInstanceIdentifier: { Ref: 'Database' } }],
    ['of a replica', { SourceDBInstanceIdentifier: { Ref: 'First' } }],
    ['of another region', { SourceDBInstanceIdentifier: 'arn:aws:rds:us-east-1:123456789012:db:far' }],
  ])('%s need not be Multi-AZ', (_what, source) => {
    const common = { VPCSecurityGroups: [idOf('DataGroup')], Engine: 'postgres', Port: '5432' };
    const judged = notPassed((r) => {
      const add = (id: string, Properties: Record<string, unknown>) => {
        r[id] = { Type: 'AWS::RDS::DBInstance', Properties: { ...common, ...Properties } };
      };
      add('First', { SourceDBInstanceIdentifier: { Ref: 'Database' } });
      add('Replica', source);
    });
    expect(judged).toEqual([]);
  });
});
