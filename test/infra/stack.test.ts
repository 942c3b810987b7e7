// The stack as it would be deployed: what our own rules say of every size, and the properties that shoppers and operators rely on.
import { describe, expect, test } from 'vitest';
import { sizeNames } from '../../ops-scripts/infra/stack-options.ts';
import { synthesize } from '../../ops-scripts/infra/synthesize.ts';
import { allOf, judgeTemplate, propertiesOf } from './judge-template.ts';

const variants = sizeNames.flatMap((size) => [false, true].map((aurora) => ({ size, aurora })));

test.each(variants)('our rules pass on $size (Aurora: $aurora)', ({ size, aurora }) => {
  const report = judgeTemplate(synthesize({ size, aurora, spotPercent: 50 }));
  expect(report.findings.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(new Set(report.findings.map(({ control }) => control)).size).toBe(9);
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
      expect(targets['HealthCheckPath']).toBe('/readyz');
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

  function launchData() {
    return allOf(template, 'AWS::EC2::LaunchTemplate').map(
      (launch) => launch['LaunchTemplateData'] as Record<string, unknown>,
    );
  }
});
