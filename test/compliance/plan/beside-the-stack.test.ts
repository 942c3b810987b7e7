// Planned resources beside the stack: which have its groups, which may use them, and which only mention them.
import { describe, expect, it } from 'vitest';
import { describeStack, type Json, judgedPlan, notPassed, worst } from '../support/judged-plan.ts';
import { planOf, ref } from '../support/plan-file.ts';

describe('a resource beside the stack', () => {
  const group = ref('aws_security_group.app.id');
  it.each<[string, Json]>([
    ['aws_lambda_function.x', { vpc_config: [{ security_group_ids: [group] }] }],
    ['aws_ecs_service.x', { network_configuration: [{ security_groups: [group] }] }],
    ['aws_eks_cluster.x', { vpc_config: [{ security_group_ids: [group] }] }],
    ['aws_eks_node_group.x', { launch_template: [{ id: ref('aws_launch_template.shop.id'), version: '1' }] }],
    ['aws_vpc_endpoint.x', { security_group_ids: [group] }],
    ['aws_network_interface.x', { security_groups: [group] }],
    ['aws_network_interface_sg_attachment.x', { security_group_id: group, network_interface_id: 'eni-1' }],
    ['aws_elb.x', { security_groups: [group] }],
    ['aws_glue_connection.x', { physical_connection_requirements: [{ security_group_id_list: [group] }] }],
    ['aws_emr_cluster.x', { ec2_attributes: [{ emr_managed_master_security_group: group }] }],
    ['aws_nobody_knows.x', { network: [{ security_group_ids: [group] }] }],
    [
      'aws_elastic_beanstalk_environment.x',
      {
        setting: [{ namespace: 'aws:autoscaling:launchconfiguration', name: 'SecurityGroups', value: group }],
      },
    ],
  ])('%s that has the group of the instances can reach the stores', (name, given) => {
    const findings = judgedPlan(
      planOf(describeStack((resources) => Object.assign(resources, { [name]: given }))),
    );
    expect(worst(findings, 'cache-only-from-asg')).toBe('fail');
  });

  it.each<[string, Json]>([
    ['aws_ecs_task_definition.x', { container_definitions: group }],
    ['aws_nobody_knows.x', { settings: group }],
    ['null_resource.x', { triggers: { group } }],
    ['terraform_data.x', { input: group }],
    ['kubernetes_manifest.x', { manifest: group }],
    ['aws_cloudformation_stack.x', { parameters: { Group: group } }],
  ])('%s that refers to it may use it', (name, given) => {
    const findings = judgedPlan(
      planOf(describeStack((resources) => Object.assign(resources, { [name]: given }))),
    );
    expect(worst(findings, 'cache-only-from-asg')).toBe('unknown');
  });

  it('that runs programs may add rules to the group that it is given', () => {
    const given = { triggers: { group: ref('aws_security_group.store.id') } };
    const plan = planOf(describeStack((resources) => Object.assign(resources, { 'null_resource.x': given })));
    expect(worst(judgedPlan(plan), 'cache-only-from-asg')).toBe('unknown');
    expect(worst(judgedPlan(plan), 'database-only-from-asg')).toBe('pass');
  });

  it.each<[string, Json]>([
    ['aws_route53_record.x', { records: [group] }],
    ['aws_ssm_parameter.x', { value: group }],
    ['aws_cloudwatch_metric_alarm.x', { dimensions: { group } }],
    ['random_id.x', { keepers: { group } }],
    ['aws_instance.x', { vpc_security_group_ids: [ref('aws_security_group.other.id')] }],
  ])('%s that only tells of it changes nothing', (name, given) => {
    expect(
      notPassed(planOf(describeStack((resources) => Object.assign(resources, { [name]: given })))),
    ).toEqual([]);
  });
});

const admin = 'arn:aws:iam::aws:policy/AdministratorAccess';
const opens = (Action: string) => JSON.stringify({ Statement: { Effect: 'Allow', Action, Resource: '*' } });
const role = { assume_role_policy: '{}' };
const runs = { 'null_resource.x': { triggers: { role: ref('aws_iam_role.r.arn') } } };

it.each<[string, string, Record<string, Json>]>([
  ['that may open any group', 'unknown', { 'aws_iam_policy.p': { policy: opens('ec2:Authorize*') } }],
  ['about something else', 'pass', { 'aws_iam_policy.p': { policy: opens('s3:*') } }],
  [
    'of AWS on a role that runs programs',
    'unknown',
    { ...runs, 'aws_iam_role.r': { ...role, managed_policy_arns: [admin] } },
  ],
  [
    'of AWS that is attached to such a role',
    'unknown',
    {
      ...runs,
      'aws_iam_role.r': role,
      'aws_iam_role_policy_attachment.a': { role: ref('aws_iam_role.r.name'), policy_arn: admin },
    },
  ],
  [
    'of such a role that may do everything with EC2',
    'unknown',
    {
      ...runs,
      'aws_iam_role.r': role,
      'aws_iam_role_policy.p': { role: ref('aws_iam_role.r.id'), policy: opens('ec2:*') },
    },
  ],
  ['that such a role has not', 'pass', { ...runs, 'aws_iam_role.r': role }],
])('a policy %s leaves the groups %s', (_what, expected, more) => {
  const findings = judgedPlan(planOf(describeStack((resources) => Object.assign(resources, more))));
  expect(worst(findings, 'database-only-from-asg')).toBe(expected);
});
