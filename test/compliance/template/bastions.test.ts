// Everything with a group of the stack is found, however the template declares it. If it is unknown, nothing passes.
import { describe, expect, test } from 'vitest';
import { findingOfTemplate, findingsOfTemplate, type Resources, unset } from '../support/judged-template.ts';

const idOf = (group: string) => ({ 'Fn::GetAtt': [group, 'GroupId'] });
const web = idOf('WebGroup');

const beside =
  (Type: string, Properties: Record<string, unknown>, more: object = {}) =>
  (r: Resources) => {
    r['Bastion'] = { Type, Properties, ...more };
  };
const instance = 'AWS::EC2::Instance';

describe('a bastion fails the instances', () => {
  test.each<[string, (r: Resources) => void]>([
    [
      'by its second interface',
      beside(instance, {
        NetworkInterfaces: [
          { DeviceIndex: '0', GroupSet: [idOf('OtherGroup')] },
          { DeviceIndex: '1', GroupSet: [web] },
        ],
      }),
    ],
    [
      'by a property after another',
      beside('AWS::Batch::ComputeEnvironment', {
        SecurityGroups: [idOf('OtherGroup')],
        ComputeResources: { SecurityGroupIds: [web] },
      }),
    ],
    [
      'by groups written as records',
      beside('AWS::EC2::SpotFleet', { LaunchSpecifications: [{ SecurityGroups: [{ GroupId: web }] }] }),
    ],
    [
      'by its launch template',
      (r) => {
        r['Template'] = {
          Type: 'AWS::EC2::LaunchTemplate',
          Properties: { LaunchTemplateData: { SecurityGroupIds: [web] } },
        };
        beside(instance, { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' }, Version: '1' } })(r);
      },
    ],
  ])('%s', (_way, change) => {
    const finding = findingOfTemplate('asg-only-from-elb', change);
    expect(finding.status).toBe('fail');
    expect(finding.reason).toContain('Bastion');
  });
});

describe('is unknown', () => {
  test.each<[string, (r: Resources) => void]>([
    ['where it may not exist', beside(instance, { SecurityGroupIds: [web] }, { Condition: 'Wanted' })],
    ['where its groups are a parameter', beside(instance, { SecurityGroupIds: unset })],
    ['where one of its groups is a parameter', beside(instance, { SecurityGroupIds: [unset] })],
    [
      'where its interfaces hang on a condition',
      beside(instance, { NetworkInterfaces: { 'Fn::If': ['Wanted', [{ GroupSet: [web] }], []] } }),
    ],
    [
      'where its launch template is a parameter',
      beside(instance, { LaunchTemplate: { LaunchTemplateId: unset, Version: '1' } }),
    ],
    ['where it is no instance', beside('AWS::Lambda::Function', { VpcConfig: { SecurityGroupIds: unset } })],
  ])('%s', (_way, change) => {
    const finding = findingOfTemplate('asg-only-from-elb', change);
    expect(finding.status).toBe('unknown');
    expect(finding.reason).toContain('Unset');
  });
});

test('one that may not exist does no harm in a group that opens nothing', () => {
  const change = beside(instance, { SecurityGroupIds: [idOf('OtherGroup')] }, { Condition: 'Wanted' });
  expect(findingsOfTemplate(change).filter(({ status }) => status !== 'pass')).toEqual([]);
});

test('tags that hang on a condition stop nothing, and say nothing of what has a group', () => {
  const Tags = { 'Fn::If': ['Wanted', [{ Key: 'Name', Value: 'x' }], []] };
  const harmless = beside(instance, { SecurityGroupIds: [idOf('OtherGroup')], Tags });
  expect(findingsOfTemplate(harmless).filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(
    findingOfTemplate('asg-only-from-elb', beside(instance, { SecurityGroupIds: [web], Tags })).status,
  ).toBe('fail');
});

test('the stack stays as it is judged beside a proxy that may not exist', () => {
  const change = beside('AWS::RDS::DBProxy', { VpcSecurityGroupIds: [web] }, { Condition: 'Wanted' });
  expect(findingOfTemplate('asg-only-from-elb', change).status).toBe('unknown');
});
