// The stack as it would be deployed: the controls' verdicts for every size, and properties on which people rely.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sizeNames, sizes } from '../../ops-scripts/infra/stack-options.ts';
import { costOf, prices, synthesize } from '../../ops-scripts/infra/synthesize.ts';
import { allOf, judgeTemplate, propertiesOf } from './judge-template.ts';

const variants = sizeNames.flatMap((size) => [false, true].map((aurora) => ({ size, aurora })));

test.each(variants)('our rules pass on $size (Aurora: $aurora)', ({ size, aurora }) => {
  const report = judgeTemplate(synthesize({ size, aurora, spotPercent: 50 }), 'all');
  const others = report.findings.filter(({ status }) => status !== 'pass');
  // The token is a secret that is created at deployment, so no template can show it.
  expect(others.map(({ control, status }) => `${control} ${status}`)).toEqual(['cache-tls-and-auth unknown']);
  expect(new Set(report.findings.map(({ control }) => control)).size).toBe(17);
});

test.each(sizeNames)(
  'the guide tells what $0 costs, by the prices of one date, and small stays below 150',
  (size) => {
    const lines = costOf(size, synthesize({ size }));
    const total = lines.reduce((sum, { dollars }) => sum + dollars, 0);
    const guide = readFileSync('docs/deploy.md', 'utf8');
    const table = guide.split('\n').find((line) => line.startsWith('| **together'))!;
    const told = table.split('|').map((cell) => cell.replaceAll(/[*,\s]/g, ''));
    expect(Number(told[sizeNames.indexOf(size) + 2])).toBe(Math.round(total));
    expect(guide).toContain(prices.date);
    if (size === 'small') expect(total).toBeLessThan(150);
  },
);

test.each([
  { size: 'small' as const, type: 't4g.micro', count: 2 },
  { size: 'medium' as const, type: 'm7g.medium', count: 3 },
])('the guide tells what a group of edges would cost beside the $size stack', ({ size, type, count }) => {
  const { volumeGib, detailedMonitoring } = sizes[size];
  const machine = (prices.machineHour[type] ?? Number.NaN) * prices.hoursPerMonth;
  const beside = volumeGib * prices.volumeGbMonth + (detailedMonitoring ? prices.detailedMonitoringMonth : 0);
  const dollars = Math.round(count * (machine + beside));
  expect(readFileSync('docs/deploy.md', 'utf8')).toContain(`${count} × ${type}: ${dollars} |`);
});

describe('the medium stack', () => {
  const template = synthesize({ size: 'medium', replicas: 2, spotPercent: 25 });
  const of = (prefix: string, type: string) => propertiesOf(template, prefix, type);

  test('is the same text each time, and knows no account', () => {
    const text = JSON.stringify(template);
    expect(JSON.stringify(synthesize({ size: 'medium', replicas: 2, spotPercent: 25 }))).toBe(text);
    expect(text).not.toMatch(/\b\d{12}\b/);
  });

  test('answers 80 with a redirect, 443 by TLS 1.2 or newer, and forwards only what shows the pass', () => {
    const [plain, secure] = ['Plain', 'Secure'].map((name) =>
      of(`Balancer${name}`, 'AWS::ElasticLoadBalancingV2::Listener'),
    );
    expect(plain).toMatchObject({ Port: 80, DefaultActions: [{ Type: 'redirect' }] });
    expect(secure).toMatchObject({
      Port: 443,
      SslPolicy: expect.stringMatching(/^ELBSecurityPolicy-TLS13-1-[23]/),
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '403' } }],
    });
    const shop = of('BalancerSecureShop', 'AWS::ElasticLoadBalancingV2::ListenerRule');
    expect(JSON.stringify(shop['Conditions'])).toContain('{{resolve:secretsmanager:');
  });

  test('lets a machine go only after its origin has stopped, and looks after it at /readyz', () => {
    const hook = of('OriginsLifecycleHookDrain', 'AWS::AutoScaling::LifecycleHook');
    expect(hook).toMatchObject({
      LifecycleHookName: 'drain',
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      HeartbeatTimeout: 180,
    });
    const [script] = launchData().map((data) => JSON.stringify(data['UserData']));
    const stop = script!.indexOf('systemctl stop myclothes');
    expect(stop).toBeGreaterThan(script!.indexOf('target-lifecycle-state'));
    expect(script!.indexOf('complete-lifecycle-action', stop)).toBeGreaterThan(stop);
    for (const targets of allOf(template, 'AWS::ElasticLoadBalancingV2::TargetGroup'))
      expect(targets).toMatchObject({
        HealthCheckPath: '/readyz',
        HealthCheckProtocol: 'HTTPS',
        Protocol: 'HTTPS',
      });
  });

  test('asks every machine for IMDSv2 and an encrypted volume, and gives none a public address', () => {
    expect(launchData()).toHaveLength(2);
    for (const data of launchData()) {
      expect(data).toMatchObject({
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
        BlockDeviceMappings: [{ Ebs: { Encrypted: true } }],
      });
      expect(JSON.stringify(data)).not.toContain('"AssociatePublicIpAddress":true');
    }
  });

  test('replaces machines by an instance refresh that starts new ones first and heeds the alarms', () => {
    const groups = Object.values(template.Resources).filter(
      ({ Type }) => Type === 'AWS::AutoScaling::AutoScalingGroup',
    );
    expect(groups).toHaveLength(2);
    for (const group of groups) {
      expect(group).toMatchObject({
        UpdatePolicy: {
          AutoScalingInstanceRefresh: {
            Preferences: { MinHealthyPercentage: 100, AlarmSpecification: { Alarms: [{}, {}, {}] } },
          },
        },
      });
      expect(group.Properties).toMatchObject({ HealthCheckType: 'ELB' });
    }
  });

  test('puts on Spot only what is above the smallest number of origins', () => {
    expect(of('Origins', 'AWS::AutoScaling::AutoScalingGroup')).toMatchObject({
      MinSize: '3',
      MixedInstancesPolicy: {
        InstancesDistribution: { OnDemandBaseCapacity: 3, OnDemandPercentageAboveBaseCapacity: 75 },
      },
    });
  });

  test('encrypts and guards the stores, and never evicts from the cache', () => {
    expect(of('Database', 'AWS::RDS::DBInstance')).toMatchObject({
      StorageEncrypted: true,
      DeletionProtection: true,
      BackupRetentionPeriod: 14,
      PubliclyAccessible: false,
    });
    expect(allOf(template, 'AWS::RDS::DBInstance')).toHaveLength(3);
    expect(of('Cache', 'AWS::ElastiCache::ReplicationGroup')).toMatchObject({
      TransitEncryptionEnabled: true,
      AtRestEncryptionEnabled: true,
      AuthToken: expect.anything(),
    });
    expect(of('CacheSettings', 'AWS::ElastiCache::ParameterGroup')['Properties']).toEqual({
      'maxmemory-policy': 'noeviction',
    });
  });

  test('copies backups daily to a second region and a second account where vaults are named, and else makes nothing', () => {
    const made = Object.values(template.Resources).filter(({ Type }) => Type.startsWith('AWS::Backup::'));
    expect(made.map((one) => (one as unknown as Record<string, unknown>)['Condition'])).toEqual(
      Array(3).fill('HasBackupCopies'),
    );
    const plan = of('BackupPlan', 'AWS::Backup::BackupPlan')['BackupPlan'] as {
      BackupPlanRule: {
        CopyActions: { 'Fn::If': [string, { DestinationBackupVaultArn: unknown }, unknown] }[];
      }[];
    };
    const copies = plan.BackupPlanRule.flatMap(({ CopyActions }) =>
      CopyActions.map((copy) => copy['Fn::If']),
    );
    expect(copies.map(([condition, copy]) => [condition, copy.DestinationBackupVaultArn])).toEqual([
      ['HasBackupRegion', { Ref: 'BackupRegionVaultArn' }],
      ['HasBackupAccount', { Ref: 'BackupAccountVaultArn' }],
    ]);
    expect(JSON.stringify(of('BackedUp', 'AWS::Backup::BackupSelection'))).toContain('{"Ref":"Database');
    expect((template as unknown as { Rules: object }).Rules).toHaveProperty('CopiesNeedAKey');
  });

  test('guards by its stack policy each kind of part that holds what cannot be made again', () => {
    const { Statement } = JSON.parse(readFileSync('ops-scripts/infra/stack-policy.json', 'utf8'));
    const guarded = Statement[1].Condition.StringEquals.ResourceType as string[];
    const kinds = new Set(
      [template, synthesize({ size: 'small', aurora: true })].flatMap(({ Resources }) =>
        Object.values(Resources).map(({ Type }) => Type),
      ),
    );
    expect([...kinds]).toEqual(expect.arrayContaining(guarded));
    expect(guarded).toContain('AWS::RDS::DBInstance');
  });

  test('limits what leaves: only machines speak to the world, only on 443 and (workers) 465', () => {
    const outward = allOf(template, 'AWS::EC2::SecurityGroup').flatMap((group) =>
      ((group['SecurityGroupEgress'] ?? []) as { CidrIp: string; FromPort: number }[])
        .filter(({ CidrIp }) => CidrIp === '0.0.0.0/0')
        .map(({ FromPort }) => `${String(group['GroupDescription']).split(':')[0]} ${FromPort}`),
    );
    expect(outward.sort()).toEqual(['Origins 443', 'Workers 443', 'Workers 465']);
  });

  test('shares one settings of no secret: the template holds none', () => {
    for (const secret of allOf(template, 'AWS::SecretsManager::Secret'))
      expect(secret['SecretString'] ?? '#').toMatch(/^#/);
    expect(of('Database', 'AWS::RDS::DBInstance')['MasterUserPassword']).not.toBeTypeOf('string');
  });

  test('keeps no page at CloudFront, and passes Host and writes on', () => {
    const { DistributionConfig } = of('Delivery', 'AWS::CloudFront::Distribution') as {
      DistributionConfig: {
        DefaultCacheBehavior: Record<string, unknown>;
        CacheBehaviors: { PathPattern: string }[];
      };
    };
    // Managed policies: CachingDisabled and AllViewer.
    expect(DistributionConfig.DefaultCacheBehavior).toMatchObject({
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      OriginRequestPolicyId: '216adef6-5c7f-47e4-b989-5492eafa07d3',
      AllowedMethods: expect.arrayContaining(['POST', 'PUT', 'PATCH', 'DELETE']),
    });
    expect(DistributionConfig.CacheBehaviors.map(({ PathPattern }) => PathPattern)).toEqual([
      '/assets/*',
      '/api/images/*',
    ]);
  });

  test('lets CloudWatch and Auto Scaling publish to the topic of alarms, by TLS only', () => {
    const { PolicyDocument } = of('AlarmsPolicy', 'AWS::SNS::TopicPolicy') as {
      PolicyDocument: { Statement: Record<string, unknown>[] };
    };
    const told = PolicyDocument.Statement.map(
      ({ Effect, Principal }) => `${Effect} ${JSON.stringify(Principal)}`,
    );
    expect(told).toEqual([
      'Deny "*"',
      'Allow {"Service":"cloudwatch.amazonaws.com"}',
      expect.stringMatching(/^Allow \{"AWS":.*AWS::AccountId/),
    ]);
    for (const alarm of allOf(template, 'AWS::CloudWatch::Alarm'))
      expect(alarm['AlarmActions']).toHaveLength(1);
  });

  test('lets a machine read only its own secrets, and Systems Manager reach it', () => {
    const secretsOf = (role: string) => {
      const policy = JSON.stringify(of(`${role}DefaultPolicy`, 'AWS::IAM::Policy'));
      expect(policy).toContain('ssmmessages:OpenDataChannel');
      return [
        ...new Set(
          policy.match(
            /"((?:App)?DatabasePassword|CacheToken|CookieKeys|OperatorPassword|DeliveryPass|ExtraSettings)/g,
          ),
        ),
      ];
    };
    expect(secretsOf('OriginsRole')).toHaveLength(5);
    expect(secretsOf('WorkersRole')).toEqual(expect.arrayContaining(['"OperatorPassword']));
    expect(secretsOf('OriginsRole')).not.toContain('"OperatorPassword');
  });

  test('puts a firewall before the balancer: known attacks, and a bound for each address that suits a shop', () => {
    const { Rules, DefaultAction } = of('Firewall', 'AWS::WAFv2::WebACL') as {
      Rules: { Statement: { RateBasedStatement?: { Limit: number } } }[];
      DefaultAction: unknown;
    };
    expect(DefaultAction).toEqual({ Allow: {} });
    expect(Rules.flatMap(({ Statement }) => Statement.RateBasedStatement?.Limit ?? [])).toEqual([3_000]);
    expect(allOf(template, 'AWS::WAFv2::WebACLAssociation')).toHaveLength(1);
  });

  test('boots by scripts that bash understands, that fit, and that check the release before it runs', () => {
    expect(userData()).toHaveLength(2);
    for (const script of userData()) {
      const checked = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
      expect([checked.status, checked.stderr]).toEqual([0, '']);
      // The limit is 16,384 bytes, and the values of parameters are longer than their placeholders.
      expect(script.length).toBeLessThan(13_000);
      // The process itself connects as a role that owns no tables. It can read no file with the owner's password.
      const [ofShop = '', ofOwner = ''] = script.split('cat > /etc/myclothes-owner.env');
      expect(ofShop).toContain('DATABASE_URL=postgres://shop:$password@');
      expect(ofShop).not.toContain('postgres://myclothes:');
      expect(ofOwner).toMatch(
        /^ <<SETTINGS\nMIGRATION_DATABASE_URL=postgres:\/\/myclothes:\$owner_password@/,
      );
      // A refused call must end the script where its answer is read, and not inside a file that is being written.
      for (const [, written] of script.matchAll(/<<(?:SETTINGS|UNIT)\n([\s\S]*?)\n(?:SETTINGS|UNIT)\n/g))
        expect(written).not.toContain('$(');
      expect(script).toContain('TLS_KEY_FILE=');
      expect(script.indexOf('umask 077')).toBeLessThan(script.indexOf('myclothes-owner.env'));
      expect(script.indexOf('sha256sum --check')).toBeLessThan(script.indexOf('tar -xzf'));
      expect(script.indexOf('amazon-cloudwatch-agent-ctl')).toBeLessThan(script.indexOf('aws s3 cp'));
      for (const written of [
        'shop.json',
        'prometheus.yaml',
        'logrotate-myclothes.conf',
        '/usr/local/bin/ops',
      ])
        expect(script).toContain(written);
    }
    const agent = /shop\.json <<'CONFIG'\n(.*)\nCONFIG/.exec(userData()[0]!)![1]!;
    expect(JSON.parse(agent).logs.logs_collected.files.collect_list).toHaveLength(2);
  });

  test('tells a boot that fails on the console and in a log, with its line', () => {
    const [script = ''] = userData();
    const beginning = script.slice(0, script.indexOf('export AWS_DEFAULT_REGION'));
    const run = beginning.replaceAll('/var/log/myclothes', '"$FOLDER"').replace('/dev/console', '/dev/null');
    const spawned = spawnSync('bash', ['--norc', '-c', `FOLDER=$(mktemp -d)\n${run}\nfalse\necho never`], {
      encoding: 'utf8',
    });
    expect(spawned.status).toBe(1);
    const told = spawnSync('bash', ['--norc', '-c', `FOLDER=$(mktemp -d)\necho "$FOLDER"\n${run}\nfalse`], {
      encoding: 'utf8',
    });
    const [folder = ''] = told.stdout.split('\n');
    // What copies the output into the log is a process of its own, and may write after the script has ended.
    const log = `${folder}/boot.log`;
    const look = `for turn in $(seq 300); do grep -q 'boot failed' ${log} && break; sleep 0.1; done; cat ${log}; rm -r ${folder}`;
    expect(spawnSync('sh', ['-c', look], { encoding: 'utf8' }).stdout).toMatch(/^boot failed in line \d+$/m);
  });

  /** The user data, with a name for each value that is known only at deployment. */
  function userData(): string[] {
    return launchData().map((data) => {
      const joined = data['UserData'] as { 'Fn::Base64': { 'Fn::Join': [string, unknown[]] } };
      return joined['Fn::Base64']['Fn::Join'][1]
        .map((part) => (typeof part === 'string' ? part : 'a-value-of-the-deployment'))
        .join('');
    });
  }

  function launchData() {
    return allOf(template, 'AWS::EC2::LaunchTemplate').map(
      (launch) => launch['LaunchTemplateData'] as Record<string, unknown>,
    );
  }
});
