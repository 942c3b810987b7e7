// Runs against moto, an AWS of another project. Its answers are judged as AWS's, and calls that it lacks are unknown.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoScalingClient, CreateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateLaunchTemplateCommand,
  CreateSecurityGroupCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { collectSnapshot } from '../../../ops-scripts/compliance/collect/collect.ts';
import { checkAccounts } from '../../../ops-scripts/compliance/commands/snapshots.ts';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { hasMoto, startMoto } from '../support/moto.ts';

const region = 'eu-west-1';

describe.skipIf(!hasMoto())('an account kept by moto (skipped where moto_server is not installed)', () => {
  let moto: Awaited<ReturnType<typeof startMoto>>;

  beforeAll(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    moto = await startMoto();
    vi.stubEnv('AWS_ENDPOINT_URL', moto.url);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await moto[Symbol.asyncDispose]();
  });

  it('is judged part by part, found through AWS_ENDPOINT_URL', async () => {
    const { webGroup } = await buildShop();
    const before = await statuses();
    expect(before).toMatchObject({
      'elb-multi-az': 'pass',
      'elb-open-to-web': 'pass',
      'asg-only-from-elb': 'pass',
      'database-multi-az': 'pass',
      'database-only-from-asg': 'pass',
      // moto starts all instances of a group in its first subnet.
      'asg-multi-az': 'fail',
      // moto answers DescribeServerlessCaches with an HTML page.
      'cache-multi-az': 'unknown',
    });
    await new EC2Client({ region }).send(
      new AuthorizeSecurityGroupIngressCommand({ GroupId: webGroup, IpPermissions: [opening(22)] }),
    );
    const after = await statuses();
    expect(after).toEqual({ ...before, 'elb-open-to-web': 'fail' });
  });

  it('is judged beside another account, each by its role, and a role that can not be taken is unknown', async () => {
    const said = await ofAccounts([
      'arn:aws:iam::123456789012:role/audit',
      'arn:aws:iam::222222222222:role/audit us-east-1',
    ]);
    const shop = Object.entries(said).filter(([name]) => /^elb-open-to-web arn:/.test(name));
    expect(shop.map(([, status]) => status)).toEqual(['fail']);
    expect(said['elb-multi-az 222222222222/us-east-1/load balancer']).toBe('unknown');
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    const denied = await ofAccounts(['arn:aws:iam::333333333333:role/none']);
    vi.stubEnv('AWS_ENDPOINT_URL', moto.url);
    expect(denied[`elb-multi-az 333333333333/${region}/account`]).toBe('unknown');
  });
});

async function ofAccounts(roles: string[]): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'compliance-accounts-'));
  const file = join(folder, 'accounts');
  writeFileSync(file, roles.join('\n'));
  const options = { output: 'json', minZones: 2, failOn: 'fail', region } as const;
  const { report } = await checkAccounts(file, options);
  rmSync(folder, { recursive: true });
  return Object.fromEntries(
    report.findings.map(({ control, resource, status }) => [`${control} ${resource}`, status]),
  );
}

async function statuses(): Promise<Record<string, string>> {
  const snapshot = await collectSnapshot({ region, maxAttempts: 1 });
  const { findings } = judge(snapshot, { mode: 'live', selection: {} });
  return Object.fromEntries(findings.map(({ control, status }) => [control, status]));
}

async function buildShop() {
  const ec2 = new EC2Client({ region });
  const elb = new ElasticLoadBalancingV2Client({ region });
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const subnets = Subnets.slice(0, 2).map(({ SubnetId }) => SubnetId!);
  const VpcId = Subnets[0]!.VpcId!;
  const group = async (GroupName: string, IpPermissions: object[]) => {
    const made = await ec2.send(new CreateSecurityGroupCommand({ GroupName, Description: GroupName, VpcId }));
    await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: made.GroupId, IpPermissions }));
    return made.GroupId!;
  };
  const from = (port: number, GroupId: string) => ({
    IpProtocol: 'tcp',
    FromPort: port,
    ToPort: port,
    UserIdGroupPairs: [{ GroupId }],
  });
  const webGroup = await group('web', [opening(80), opening(443)]);
  const appGroup = await group('app', [from(3000, webGroup)]);
  const dataGroup = await group('data', [from(5432, appGroup)]);
  const balancer = await elb.send(
    new CreateLoadBalancerCommand({
      Name: 'shop',
      Scheme: 'internet-facing',
      Subnets: subnets,
      SecurityGroups: [webGroup],
    }),
  );
  const targets = await elb.send(
    new CreateTargetGroupCommand({ Name: 'shop', Protocol: 'HTTP', Port: 3000, VpcId }),
  );
  const TargetGroupArn = targets.TargetGroups![0]!.TargetGroupArn!;
  await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: balancer.LoadBalancers![0]!.LoadBalancerArn,
      Port: 80,
      Protocol: 'HTTP',
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  );
  await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'shop',
      LaunchTemplateData: { ImageId: 'ami-12c6146b', InstanceType: 't3.small', SecurityGroupIds: [appGroup] },
    }),
  );
  await new AutoScalingClient({ region }).send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: 'shop',
      MinSize: 2,
      MaxSize: 4,
      VPCZoneIdentifier: subnets.join(','),
      TargetGroupARNs: [TargetGroupArn],
      LaunchTemplate: { LaunchTemplateName: 'shop', Version: '$Latest' },
    }),
  );
  await new RDSClient({ region }).send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: 'shop',
      DBInstanceClass: 'db.t4g.small',
      Engine: 'postgres',
      MultiAZ: true,
      AllocatedStorage: 20,
      MasterUsername: 'shop',
      MasterUserPassword: 'not-a-secret-here',
      VpcSecurityGroupIds: [dataGroup],
    }),
  );
  return { webGroup };
}

function opening(port: number) {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
}
