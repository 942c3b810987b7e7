// Two templates may use one logical id for different resources. References in each file mean its own resource.
import { expect, test } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../../ops-scripts/compliance/template/template.ts';
import { TemplateStack } from '../support/template-stack.ts';

const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };

test('the sound stack passes beside a template that declares the same ids otherwise', () => {
  const stack = new TemplateStack();
  const other = {
    Resources: {
      // Resources with the same names: an open group, a subnet elsewhere, and a machine that has the open group.
      AppGroup: {
        Type: 'AWS::EC2::SecurityGroup',
        Properties: {
          GroupDescription: 'open',
          SecurityGroupIngress: [{ IpProtocol: '-1', CidrIp: '0.0.0.0/0' }],
        },
      },
      SubnetA: { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: 'eu-west-1c' } },
      Machine: {
        Type: 'AWS::EC2::Instance',
        Properties: {
          SubnetId: { Ref: 'SubnetA' },
          SecurityGroupIds: [{ 'Fn::GetAtt': ['AppGroup', 'GroupId'] }],
        },
      },
    },
  };
  const templates = [
    parseTemplate(stack.text(), 'shop.json'),
    parseTemplate(JSON.stringify(other), 'other, later.json'),
  ];
  for (const order of [templates, templates.toReversed()]) {
    const snapshot = snapshotFromParsed(order, options);
    const report = judge(snapshot, { mode: 'template', selection: {} });
    expect(report.findings.filter(({ status }) => status !== 'pass')).toEqual([]);
  }
});

test('a machine of another template that has an imported group of the stack is found', () => {
  const stack = new TemplateStack();
  const shop = {
    Resources: stack.resources,
    Outputs: { Web: { Value: { 'Fn::GetAtt': ['WebGroup', 'GroupId'] }, Export: { Name: 'web' } } },
  };
  const other = {
    Resources: {
      WebGroup: {
        Type: 'AWS::EC2::Instance',
        Properties: { SecurityGroupIds: [{ 'Fn::ImportValue': 'web' }] },
      },
    },
  };
  const snapshot = snapshotFromParsed(
    [parseTemplate(JSON.stringify(shop), 'shop.json'), parseTemplate(JSON.stringify(other), 'bastion.json')],
    options,
  );
  const { findings } = judge(snapshot, { mode: 'template', selection: {} });
  expect(findings.find(({ control }) => control === 'asg-only-from-elb')).toMatchObject({
    status: 'fail',
    reason: expect.stringContaining('bastion.json:WebGroup'),
  });
});
