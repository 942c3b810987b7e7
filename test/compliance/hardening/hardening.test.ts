// The hardening controls: missing values are unknown, AWS's defaults are known, each kind of part has its own rules.
import { describe, expect, it } from 'vitest';
import { iamPolicy } from '../../../ops-scripts/compliance/collect/call-table.ts';
import { explainControl, listControls } from '../../../ops-scripts/compliance/command.ts';
import { type Finding, hardeningIds } from '../../../ops-scripts/compliance/findings.ts';
import { applyCommand } from '../../../ops-scripts/compliance/fixes/apply-command.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../../ops-scripts/compliance/template/template.ts';
import { softened } from '../agreement/cases.ts';
import { AccountStack } from '../support/account-stack.ts';
import { answerOf, deny, keyOf } from '../support/spoil.ts';
import { TemplateStack } from '../support/template-stack.ts';

type Json = Record<string, unknown>;
type Resources = TemplateStack['resources'];

const judgedAs = (snapshot: Snapshot, mode: 'snapshot' | 'template') =>
  judge(snapshot, { mode, selection: {}, policy: 'hardening' }).findings;

function judgedAccount(change: (snapshot: Snapshot) => void): Finding[] {
  const snapshot = new AccountStack().snapshot();
  change(snapshot);
  return judgedAs(snapshot, 'snapshot');
}

function judgedResources(resources: Resources): Finding[] {
  const text = JSON.stringify({ Parameters: { Unset: { Type: 'String' } }, Resources: resources });
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  return judgedAs(snapshotFromParsed([parseTemplate(text, 'stack.json')], options), 'template');
}

function judgedTemplate(change: (resources: Resources) => void): Finding[] {
  const { resources } = new TemplateStack();
  change(resources);
  return judgedResources(resources);
}

function worst(findings: Finding[], control: string): string {
  const own = findings.filter((finding) => finding.control === control).map(({ status }) => status);
  return (['fail', 'unknown', 'pass'] as const).find((status) => own.includes(status)) ?? 'none';
}

it('Each control is listed once, is explained with references, and needs no call that it does not read', () => {
  for (const id of hardeningIds) {
    expect(
      listControls()
        .split('\n')
        .filter((line) => line.startsWith(`${id} `)),
    ).toHaveLength(1);
    expect(explainControl(id)).toMatch(/FSBP \w+\.\d/);
  }
  expect(iamPolicy().Statement[0]!.Action).toEqual(
    expect.arrayContaining([
      'elasticloadbalancing:DescribeLoadBalancerAttributes',
      'elasticache:DescribeUserGroups',
      'elasticache:DescribeUsers',
      'ec2:DescribeLaunchTemplateVersions',
    ]),
  );
});

describe('what an answer does not tell', () => {
  const database = (s: Snapshot) => answerOf(s, 'rds', 'DescribeDBInstances').DBInstances![0]! as Json;
  const cache = (s: Snapshot) =>
    answerOf(s, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups![0]! as Json;
  const listener = (s: Snapshot) => answerOf(s, 'elbv2', 'DescribeListeners').Listeners![1]! as Json;
  const template = (s: Snapshot) =>
    answerOf(s, 'ec2', 'DescribeLaunchTemplateVersions').LaunchTemplateVersions![0]!
      .LaunchTemplateData as Json;
  const attribute = (s: Snapshot, index: number) =>
    answerOf(s, 'elbv2', 'DescribeLoadBalancerAttributes').Attributes![index]! as Json;

  it.each<[string, (s: Snapshot) => Json, string]>([
    ['database-not-public', database, 'PubliclyAccessible'],
    ['encrypted-at-rest', database, 'StorageEncrypted'],
    ['encrypted-at-rest', cache, 'AtRestEncryptionEnabled'],
    ['tls-for-clients', listener, 'SslPolicy'],
    ['tls-for-clients', listener, 'Protocol'],
    ['cache-tls-and-auth', cache, 'TransitEncryptionEnabled'],
    ['cache-tls-and-auth', cache, 'AuthTokenEnabled'],
    ['backups-kept', database, 'BackupRetentionPeriod'],
    ['deletion-protected', database, 'DeletionProtection'],
    ['deletion-protected', (s) => attribute(s, 0), 'Value'],
    ['logs-kept', (s) => attribute(s, 1), 'Key'],
    ['imdsv2-only', template, 'MetadataOptions'],
  ])('leaves %s unknown, also as garbage', (control, of, name) => {
    for (const garbage of [undefined, null, { $unknown: 'nobody knows' }, [1]]) {
      const findings = judgedAccount((snapshot) => {
        of(snapshot)[name] = garbage;
      });
      expect(worst(findings, control), String(garbage)).toBe('unknown');
      expect(findings.filter(({ status }) => status === 'fail')).toEqual([]);
    }
  });

  it.each([
    ['elbv2.DescribeLoadBalancerAttributes', 'deletion-protected'],
    ['elbv2.DescribeListeners', 'tls-for-clients'],
    ['ec2.DescribeLaunchTemplateVersions', 'imdsv2-only'],
    ['elasticache.DescribeReplicationGroups', 'cache-tls-and-auth'],
  ])('without %s leaves %s unknown, denied or missing', (name, control) => {
    expect(
      worst(
        judgedAccount((s) => deny(s, keyOf(s, name))),
        control,
      ),
    ).toBe('unknown');
    expect(
      worst(
        judgedAccount((s) => void delete s.calls[keyOf(s, name)]),
        control,
      ),
    ).toBe('unknown');
  });
});

describe('what an account shows', () => {
  it.each<[string, string, string, (s: Snapshot) => void]>([
    [
      'an instance that runs with IMDSv1',
      'imdsv2-only',
      'fail',
      (s) => {
        const [one] = answerOf(s, 'ec2', 'DescribeInstances').Reservations!;
        Object.assign(one!.Instances![0]!, { MetadataOptions: { HttpTokens: 'optional' } });
      },
    ],
    [
      'a metadata service that is off',
      'imdsv2-only',
      'pass',
      (s) => {
        const [version] = answerOf(s, 'ec2', 'DescribeLaunchTemplateVersions').LaunchTemplateVersions!;
        version!.LaunchTemplateData!.MetadataOptions = { HttpEndpoint: 'disabled' };
      },
    ],
    [
      'storage under a key of AWS',
      'encrypted-at-rest',
      'pass',
      (s) => {
        const [one] = answerOf(s, 'rds', 'DescribeDBInstances').DBInstances!;
        Object.assign(one!, { StorageEncrypted: false, StorageEncryptionType: 'sse-rds' });
      },
    ],
    [
      'a public read replica',
      'database-not-public',
      'fail',
      (s) => {
        const { DBInstances } = answerOf(s, 'rds', 'DescribeDBInstances');
        DBInstances!.push({
          ...DBInstances![0]!,
          DBInstanceIdentifier: 'reader',
          DBInstanceArn: 'reader',
          PubliclyAccessible: true,
          ReadReplicaSourceDBInstanceIdentifier: 'shop',
        });
      },
    ],
    [
      'a network load balancer that passes TCP on',
      'tls-for-clients',
      'unknown',
      (s) => {
        for (const one of answerOf(s, 'elbv2', 'DescribeListeners').Listeners!) one.Protocol = 'TCP';
      },
    ],
    [
      'a redirect that keeps the protocol',
      'tls-for-clients',
      'fail',
      (s) => {
        const [plain] = answerOf(s, 'elbv2', 'DescribeListeners').Listeners!;
        plain!.DefaultActions![0]!.RedirectConfig = { Protocol: '#{protocol}', StatusCode: 'HTTP_301' };
      },
    ],
    [
      'a fixed answer without TLS',
      'tls-for-clients',
      'pass',
      (s) => {
        const [plain] = answerOf(s, 'elbv2', 'DescribeListeners').Listeners!;
        plain!.DefaultActions = [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '403' } }];
      },
    ],
    [
      'user groups in a snapshot of before',
      'cache-tls-and-auth',
      'pass',
      (s) => {
        const [group] = answerOf(s, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups!;
        Object.assign(group!, { AuthTokenEnabled: false, UserGroupIds: ['shop'] });
        delete s.calls['elasticache.DescribeUsers'];
      },
    ],
    [
      'a default user that is off, and one with a password',
      'cache-tls-and-auth',
      'pass',
      (s) => withUsers(s, 'off -@all'),
    ],
    ['a default user that is on', 'cache-tls-and-auth', 'fail', (s) => withUsers(s, 'on ~* +@all')],
  ])('%s is judged by %s as %s', (_what, control, expected, change) => {
    expect(worst(judgedAccount(change), control)).toBe(expected);
  });

  function withUsers(snapshot: Snapshot, access: string) {
    const [group] = answerOf(snapshot, 'elasticache', 'DescribeReplicationGroups').ReplicationGroups!;
    Object.assign(group!, { AuthTokenEnabled: false, UserGroupIds: ['shop'] });
    answerOf(snapshot, 'elasticache', 'DescribeUserGroups').UserGroups = [
      { UserGroupId: 'shop', UserIds: ['default', 'app'] },
    ];
    answerOf(snapshot, 'elasticache', 'DescribeUsers').Users = [
      { UserId: 'default', AccessString: access, Authentication: { Type: 'no-password' } },
      { UserId: 'app', AccessString: 'on ~* +@all', Authentication: { Type: 'password', PasswordCount: 1 } },
    ];
  }
});

it('The commands of a hardening failure close it when they are applied', () => {
  const closed = softened.flatMap((one) => {
    const stack = new AccountStack();
    one.change(stack);
    const failing = (snapshot: Snapshot) =>
      judgedAs(snapshot, 'snapshot').filter(
        ({ control, status }) => control === one.control && status === 'fail',
      );
    return failing(stack.snapshot()).flatMap(({ fix = '' }) => {
      // A fix that leaves a choice, or that replaces the resource, is not tried.
      if (fix === '' || /<|create-|transit-/.test(fix)) return [];
      const snapshot = stack.snapshot();
      for (const line of fix.split('\n')) applyCommand(snapshot, line);
      expect(failing(snapshot), one.name).toEqual([]);
      return one.name;
    });
  });
  expect(closed.length).toBeGreaterThanOrEqual(9);
});

describe('what a template does not say', () => {
  const without =
    (id: string, ...names: string[]) =>
    (resources: Resources) => {
      for (const name of names) delete resources[id]!.Properties[name];
    };
  it.each<[string, string, string, (resources: Resources) => void]>([
    ['encryption is off', 'encrypted-at-rest', 'fail', without('Database', 'StorageEncrypted')],
    [
      'a restored database is as its snapshot',
      'encrypted-at-rest',
      'unknown',
      (resources) => {
        without('Database', 'StorageEncrypted')(resources);
        resources['Database']!.Properties['DBSnapshotIdentifier'] = 'snapshot';
      },
    ],
    ['Valkey is encrypted at rest', 'encrypted-at-rest', 'pass', without('Cache', 'AtRestEncryptionEnabled')],
    [
      'Redis is not encrypted at rest',
      'encrypted-at-rest',
      'fail',
      (resources) => {
        without('Cache', 'AtRestEncryptionEnabled')(resources);
        resources['Cache']!.Properties['Engine'] = 'redis';
      },
    ],
    ['a cache takes no TLS', 'cache-tls-and-auth', 'fail', without('Cache', 'TransitEncryptionEnabled')],
    ['backups are kept for one day', 'backups-kept', 'fail', without('Database', 'BackupRetentionPeriod')],
    ['nothing is protected', 'deletion-protected', 'fail', without('Database', 'DeletionProtection')],
    ['nothing is logged', 'logs-kept', 'fail', without('Balancer', 'LoadBalancerAttributes')],
    ['a listener takes TLS 1.0', 'tls-for-clients', 'fail', without('Listener443', 'SslPolicy')],
    [
      'a database in a subnet group is not public',
      'database-not-public',
      'pass',
      without('Database', 'PubliclyAccessible'),
    ],
    [
      'a database without one is public',
      'database-not-public',
      'fail',
      without('Database', 'PubliclyAccessible', 'DBSubnetGroupName'),
    ],
    [
      'the image decides on tokens',
      'imdsv2-only',
      'unknown',
      (resources) => {
        delete (resources['LaunchTemplate']!.Properties['LaunchTemplateData'] as Json)['MetadataOptions'];
      },
    ],
  ])('%s: %s says %s', (_what, control, expected, change) => {
    expect(worst(judgedTemplate(change), control)).toBe(expected);
  });
});

describe('other kinds of part', () => {
  it.each<[string, string, string, (resources: Resources) => void]>([
    [
      'a serverless cache with a user group of its own',
      'cache-tls-and-auth',
      'pass',
      (resources) => {
        serverless(resources, { UserGroupId: { Ref: 'Group1' } });
        resources['Group1'] = {
          Type: 'AWS::ElastiCache::UserGroup',
          Properties: { UserGroupId: 'shop', UserIds: [{ Ref: 'User' }] },
        };
        resources['User'] = {
          Type: 'AWS::ElastiCache::User',
          Properties: { UserId: 'app', AuthenticationMode: { Type: 'iam' } },
        };
      },
    ],
    [
      'a serverless cache without one',
      'cache-tls-and-auth',
      'fail',
      (resources) => serverless(resources, {}),
    ],
    ['a serverless cache', 'encrypted-at-rest', 'pass', (resources) => serverless(resources, {})],
    [
      'a user group of another stack',
      'cache-tls-and-auth',
      'unknown',
      (resources) => serverless(resources, { UserGroupId: 'elsewhere' }),
    ],
    [
      'Memcached',
      'encrypted-at-rest',
      'fail',
      (resources) => {
        const { SecurityGroupIds } = resources['Cache']!.Properties;
        resources['Cache'] = {
          Type: 'AWS::ElastiCache::CacheCluster',
          Properties: { Engine: 'memcached', NumCacheNodes: 2, VpcSecurityGroupIds: SecurityGroupIds },
        };
      },
    ],
    [
      'an Aurora cluster of protected members',
      'deletion-protected',
      'pass',
      (resources) => aurora(resources, {}),
    ],
    [
      'an Aurora cluster with a public member',
      'database-not-public',
      'fail',
      (resources) => aurora(resources, { PubliclyAccessible: true }),
    ],
    [
      'an Aurora cluster whose members say nothing',
      'database-not-public',
      'pass',
      (resources) => aurora(resources, {}),
    ],
    ['an Aurora cluster, its storage', 'encrypted-at-rest', 'pass', (resources) => aurora(resources, {})],
    [
      'an Aurora cluster without logs',
      'logs-kept',
      'fail',
      (resources) => {
        aurora(resources, {});
        delete resources['Cluster']!.Properties['EnableCloudwatchLogsExports'];
      },
    ],
    [
      'a launch configuration',
      'imdsv2-only',
      'pass',
      (resources) => {
        const group = resources['Group']!.Properties;
        delete group['LaunchTemplate'];
        group['LaunchConfigurationName'] = { Ref: 'Configuration' };
        resources['Configuration'] = {
          Type: 'AWS::AutoScaling::LaunchConfiguration',
          Properties: { MetadataOptions: { HttpTokens: 'required' }, SecurityGroups: [{ Ref: 'AppGroup' }] },
        };
      },
    ],
    [
      'a mixed group with one older template',
      'imdsv2-only',
      'fail',
      (resources) => {
        resources['Older'] = {
          Type: 'AWS::EC2::LaunchTemplate',
          Properties: { LaunchTemplateData: { MetadataOptions: { HttpTokens: 'optional' } } },
        };
        const group = resources['Group']!.Properties;
        const specification = (id: string) => ({ LaunchTemplateId: { Ref: id }, Version: '1' });
        delete group['LaunchTemplate'];
        group['MixedInstancesPolicy'] = {
          LaunchTemplate: {
            LaunchTemplateSpecification: specification('LaunchTemplate'),
            Overrides: [{ InstanceType: 'm7g.large', LaunchTemplateSpecification: specification('Older') }],
          },
        };
      },
    ],
    [
      'a rule of the plain listener that forwards',
      'tls-for-clients',
      'fail',
      (resources) => {
        resources['Rule'] = {
          Type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
          Properties: {
            ListenerArn: { Ref: 'Listener80' },
            Actions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }],
          },
        };
      },
    ],
  ])('%s is judged by %s as %s', (_what, control, expected, change) => {
    const findings = judgedTemplate(change);
    const reasons = findings.filter((each) => each.control === control).map(({ reason }) => reason);
    expect(worst(findings, control), reasons.join('; ')).toBe(expected);
  });

  function serverless(resources: Resources, more: Json) {
    const { SecurityGroupIds } = resources['Cache']!.Properties;
    resources['Cache'] = {
      Type: 'AWS::ElastiCache::ServerlessCache',
      Properties: { ServerlessCacheName: 'shop', Engine: 'valkey', SecurityGroupIds, ...more },
    };
  }

  function aurora(resources: Resources, member: Json) {
    const {
      MultiAZ: _,
      PubliclyAccessible: __,
      VPCSecurityGroups: VpcSecurityGroupIds,
      ...shared
    } = resources['Database']!.Properties;
    delete resources['Database'];
    const Engine = 'aurora-postgresql';
    resources['Cluster'] = {
      Type: 'AWS::RDS::DBCluster',
      Properties: { ...shared, Engine, VpcSecurityGroupIds },
    };
    resources['Member'] = {
      Type: 'AWS::RDS::DBInstance',
      Properties: { DBClusterIdentifier: { Ref: 'Cluster' }, Engine, ...member },
    };
  }
});

describe('a property that is replaced by a parameter without a value', () => {
  const replacements = (resources: Resources) =>
    Object.entries(resources).flatMap(([id, { Properties }]) =>
      Object.keys(Properties).map((name) => {
        const changed = { ...Properties, [name]: { Ref: 'Unset' } };
        return {
          what: `${id}.${name}`,
          resources: { ...resources, [id]: { ...resources[id]!, Properties: changed } },
        };
      }),
    );

  it('A sound template with one unknown property fails no hardening control', () => {
    for (const { what, resources } of replacements(new TemplateStack().resources)) {
      const failed = judgedResources(resources).filter(({ status }) => status === 'fail');
      expect(failed, what).toEqual([]);
    }
  });

  it('passes nothing that is soft', () => {
    for (const one of softened.filter(({ expected }) => expected === 'fail')) {
      const stack = new TemplateStack();
      one.change(stack);
      for (const { what, resources } of replacements(stack.resources))
        expect(worst(judgedResources(resources), one.control), `${one.name}: ${what}`).not.toBe('pass');
    }
  });
});
