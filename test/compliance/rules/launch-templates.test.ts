// The groups that a launch template gives to new instances: all interfaces, overrides, and the version.
import { describe, expect, test } from 'vitest';
import { recordCall, type Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { fromCidr, group, soundStack } from '../support/sound-stack.ts';
import { answerOf, findingOf, keyOf, statusOf } from '../support/spoil.ts';

const onlyFrom = 'asg-only-from-elb';
const call = 'ec2.DescribeLaunchTemplateVersions';

function launching(data: object, change: (snapshot: Snapshot) => void = () => {}): Snapshot {
  const snapshot = soundStack();
  answerOf(snapshot, 'ec2', 'DescribeSecurityGroups').SecurityGroups!.push(
    group('sg-open', [fromCidr(22, '0.0.0.0/0')]),
  );
  const [version] = answerOf(snapshot, 'ec2', 'DescribeLaunchTemplateVersions').LaunchTemplateVersions!;
  version!.LaunchTemplateData = data;
  change(snapshot);
  return snapshot;
}

describe('network cards', () => {
  test('Every network interface of a launch template is searched for groups', () => {
    expect(statusOf(launching({ NetworkInterfaces: [{ Groups: ['sg-web'] }] }), onlyFrom)).toBe('pass');
    const cards = [{ Groups: ['sg-web'] }, { Groups: ['sg-open'] }];
    expect(statusOf(launching({ NetworkInterfaces: cards }), onlyFrom)).toBe('fail');
  });

  test("A network interface without a group has the VPC's default group, so its groups are unknown", () => {
    const finding = findingOf(launching({ NetworkInterfaces: [{ Groups: ['sg-web'] }, {}] }), onlyFrom);
    expect(finding).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('network interfaces'),
    });
  });
});

test('Groups by name beside groups by id are unknown', () => {
  const data = { SecurityGroupIds: ['sg-web'], SecurityGroups: ['open'] };
  expect(statusOf(launching(data), onlyFrom)).toBe('unknown');
});

test('An override of mixed instances adds the groups of its own template', () => {
  const snapshot = launching({ SecurityGroupIds: ['sg-web'] }, (s) => {
    const [web] = answerOf(s, 'autoscaling', 'DescribeAutoScalingGroups').AutoScalingGroups!;
    const own = web!.LaunchTemplate!;
    delete web!.LaunchTemplate;
    web!.MixedInstancesPolicy = {
      LaunchTemplate: {
        LaunchTemplateSpecification: own,
        Overrides: [{ LaunchTemplateSpecification: { LaunchTemplateId: 'lt-2', Version: '7' } }],
      },
    };
    const input = { LaunchTemplateId: 'lt-2', Versions: ['7'] };
    const LaunchTemplateData = { SecurityGroupIds: ['sg-open'] };
    const LaunchTemplateVersions = [{ LaunchTemplateId: 'lt-2', VersionNumber: 7, LaunchTemplateData }];
    recordCall(s, 'ec2', 'DescribeLaunchTemplateVersions', input, {
      ok: true,
      result: { LaunchTemplateVersions },
    });
  });
  expect(statusOf(snapshot, onlyFrom)).toBe('fail');
});

test('An answer about an older version does not show the newest one', () => {
  const judged = (Versions: string[] | undefined) => {
    const snapshot = launching({ SecurityGroupIds: ['sg-web'] });
    const key = keyOf(snapshot, call);
    const answer = snapshot.calls[key]!;
    delete snapshot.calls[key];
    const input = { LaunchTemplateId: 'lt-1', ...(Versions ? { Versions } : {}) };
    snapshot.calls[`${call}(${JSON.stringify(input)})`] = answer;
    return statusOf(snapshot, onlyFrom);
  };
  expect(judged(['1'])).toBe('unknown');
  expect(judged(['$Default', '$Latest'])).toBe('pass');
  expect(judged(undefined)).toBe('pass');
});
