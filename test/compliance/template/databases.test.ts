// Clusters and proxies in templates: instances that another stack may add are unknown and not absent.
import { describe, expect, test } from 'vitest';
import { findingOfTemplate, findingsOfTemplate, type Resources } from '../support/judged-template.ts';

const idOf = (group: string) => ({ 'Fn::GetAtt': [group, 'GroupId'] });

/** The database is a cluster, with instances in these zones. */
const cluster =
  (more: object, zones: string[] = [], member: object = {}) =>
  (r: Resources) => {
    r['Database'] = {
      Type: 'AWS::RDS::DBCluster',
      Properties: {
        Engine: 'aurora-postgresql',
        VpcSecurityGroupIds: [idOf('DataGroup')],
        DBSubnetGroupName: { Ref: 'DatabaseSubnets' },
        ...more,
      },
    };
    for (const zone of zones) {
      r[`Instance${zone}`] = {
        Type: 'AWS::RDS::DBInstance',
        Properties: {
          Engine: 'aurora-postgresql',
          DBClusterIdentifier: { Ref: 'Database' },
          AvailabilityZone: `eu-west-1${zone}`,
          ...member,
        },
      };
    }
  };
const zonesOf = (change: (r: Resources) => void, outputs = {}) =>
  findingOfTemplate('database-multi-az', change, outputs);

describe('an Aurora cluster', () => {
  test('passes by its instances in two zones, whether they name it by reference or by name', () => {
    expect(zonesOf(cluster({}, ['a', 'b'])).status).toBe('pass');
    expect(zonesOf(cluster({}, ['a'])).status).toBe('fail');
    const named = cluster({ DBClusterIdentifier: 'Ledger' }, ['a', 'b'], { DBClusterIdentifier: 'ledger' });
    expect(findingsOfTemplate(named).filter(({ status }) => status !== 'pass')).toEqual([]);
  });

  test('without instances fails, unless another stack may add some', () => {
    expect(zonesOf(cluster({}))).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('no instance'),
    });
    const address = { Address: { Value: { 'Fn::GetAtt': ['Database', 'Endpoint.Address'] } } };
    expect(zonesOf(cluster({}), address).status).toBe('fail');
    const unknown = { status: 'unknown', reason: expect.stringContaining('another stack may add some') };
    expect(zonesOf(cluster({}), { Name: { Value: { Ref: 'Database' } } })).toMatchObject(unknown);
    expect(zonesOf(cluster({ DBClusterIdentifier: 'ledger' }))).toMatchObject(unknown);
    const nested = (r: Resources) => {
      cluster({})(r);
      r['Nested'] = {
        Type: 'AWS::CloudFormation::Stack',
        Properties: { TemplateURL: 'https://test/', Parameters: { Cluster: { Ref: 'Database' } } },
      };
    };
    expect(zonesOf(nested)).toMatchObject(unknown);
  });

  test('is unknown where an instance may be of it or may not exist, unless two others are enough', () => {
    const perhaps = (zones: string[], more: object) => (r: Resources) => {
      cluster({}, zones)(r);
      const Properties = { DBClusterIdentifier: { Ref: 'Database' }, AvailabilityZone: 'eu-west-1c' };
      r['Perhaps'] = { Type: 'AWS::RDS::DBInstance', Properties: { ...Properties, ...more } };
    };
    const conditional = (zones: string[]) => (r: Resources) => {
      perhaps(zones, {})(r);
      Object.assign(r['Perhaps']!, { Condition: 'Wanted' });
    };
    const unset = { DBClusterIdentifier: { Ref: 'Unset' } };
    expect(zonesOf(perhaps(['a'], unset)).status).toBe('unknown');
    expect(zonesOf(perhaps(['a', 'b'], unset)).status).toBe('pass');
    expect(zonesOf(conditional(['a'])).status).toBe('unknown');
    expect(zonesOf(conditional(['a', 'b'])).status).toBe('pass');
  });

  test('of Serverless v1 fails, as it runs one instance in one zone', () => {
    const reason = expect.stringContaining('Serverless v1');
    expect(zonesOf(cluster({ EngineMode: 'serverless' }))).toMatchObject({ status: 'fail', reason });
    expect(zonesOf(cluster({ EngineMode: { Ref: 'Unset' } })).status).toBe('unknown');
  });
});

describe('a Multi-AZ cluster', () => {
  const multi = (more: object = {}) =>
    cluster({ Engine: 'postgres', DBClusterInstanceClass: 'db.m6gd.large', ...more });

  test('passes by the three instances that RDS makes, whether its subnets are known or not', () => {
    expect(findingsOfTemplate(multi()).filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(zonesOf(multi({ DBSubnetGroupName: { Ref: 'Unset' } })).status).toBe('pass');
    expect(zonesOf(multi({ DBSubnetGroupName: undefined })).status).toBe('pass');
  });

  test('is spread over all zones of its subnets, whatever their order', () => {
    const judged = zonesOf((r) => {
      multi()(r);
      const subnets = ['A', 'A', 'A', 'B'].map((zone) => ({ Ref: `Subnet${zone}` }));
      r['DatabaseSubnets']!.Properties['SubnetIds'] = subnets;
    });
    expect(judged.status).toBe('pass');
  });

  test('has a read replica that is noted with it, and makes no second database', () => {
    const judged = findingsOfTemplate((r) => {
      multi()(r);
      const VPCSecurityGroups = [idOf('DataGroup')];
      const Properties = {
        Engine: 'postgres',
        SourceDBClusterIdentifier: { Ref: 'Database' },
        VPCSecurityGroups,
      };
      r['Replica'] = { Type: 'AWS::RDS::DBInstance', Properties };
    });
    expect(judged.filter(({ status }) => status !== 'pass')).toEqual([]);
  });

  test('is none by an instance class that is not known, or where it is Aurora', () => {
    expect(zonesOf(multi({ DBClusterInstanceClass: { Ref: 'Unset' } })).status).toBe('unknown');
    expect(zonesOf(multi({ Engine: 'aurora-mysql' })).status).toBe('fail');
  });
});

describe('a proxy', () => {
  const proxied =
    (more: object, rest: Resources = {}) =>
    (r: Resources) => {
      r['Database']!.Properties['Port'] = '6000';
      r['Database']!.Properties['DBInstanceIdentifier'] = 'orders';
      r['PoolGroup'] = {
        Type: 'AWS::EC2::SecurityGroup',
        Properties: {
          VpcId: { Ref: 'Vpc' },
          SecurityGroupIngress: [
            { IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: idOf('AppGroup') },
          ],
        },
      };
      r['Pool'] = {
        Type: 'AWS::RDS::DBProxy',
        Properties: {
          DBProxyName: 'pool',
          EngineFamily: 'POSTGRESQL',
          VpcSecurityGroupIds: [idOf('PoolGroup')],
          VpcSubnetIds: [{ Ref: 'SubnetA' }, { Ref: 'SubnetB' }],
        },
      };
      r['Targets1'] = {
        Type: 'AWS::RDS::DBProxyTargetGroup',
        Properties: { DBProxyName: { Ref: 'Pool' }, TargetGroupName: 'default', ...more },
      };
      for (const [id, { Type, Properties }] of Object.entries(r))
        if (Type === 'AWS::EC2::SecurityGroupIngress' && JSON.stringify(Properties).includes('DataGroup'))
          delete r[id];
      r['DataGroup']!.Properties['SecurityGroupIngress'] = [
        { IpProtocol: 'tcp', FromPort: 6000, ToPort: 6000, SourceSecurityGroupId: idOf('PoolGroup') },
      ];
      Object.assign(r, rest);
    };
  const byReference = { DBInstanceIdentifiers: [{ Ref: 'Database' }] };
  const judged = (change: (r: Resources) => void) =>
    ['database-only-from-asg', 'chain-connects'].map((control) => findingOfTemplate(control, change).status);

  test('that serves the database on its own port is the way to it', () => {
    expect(judged(proxied(byReference))).toEqual(['pass', 'pass']);
    const byName = { DBProxyName: 'pool', DBInstanceIdentifiers: ['orders'] };
    expect(judged(proxied(byName))).toEqual(['pass', 'pass']);
  });

  test('that serves another database is a stranger', () => {
    expect(judged(proxied({ DBInstanceIdentifiers: ['reports'] }))).toEqual(['fail', 'fail']);
  });

  test('whose targets cannot be known may be the way', () => {
    expect(judged(proxied({ DBInstanceIdentifiers: [{ Ref: 'Unset' }] }))).toEqual(['pass', 'unknown']);
    const change = (r: Resources) => {
      proxied(byReference)(r);
      delete r['Targets1'];
    };
    expect(judged(change)[1]).toBe('unknown');
  });

  test('is open by each of its endpoints', () => {
    const endpoint = (groups: object) => ({
      Reader: { Type: 'AWS::RDS::DBProxyEndpoint', Properties: { DBProxyName: 'pool', ...groups } },
    });
    const open = endpoint({ VpcSecurityGroupIds: [idOf('WebGroup')] });
    expect(judged(proxied(byReference, open))).toEqual(['fail', 'pass']);
    expect(judged(proxied(byReference, endpoint({})))).toEqual(['unknown', 'pass']);
  });
});
