// Mistakes of public checkers: a pass that should not be, and an unknown where the template decides.
import { expect, test } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../../ops-scripts/compliance/template/template.ts';
import { TemplateStack } from '../support/template-stack.ts';

type Template = Record<string, unknown> & {
  Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
};

/** The verdicts of the sound template after a change, those that pass left out. */
function verdicts(change: (template: Template) => void): Record<string, string> {
  const template: Template = {
    Parameters: { Unset: { Type: 'String' } },
    Resources: new TemplateStack().resources,
  };
  change(template);
  const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };
  const snapshot = snapshotFromParsed([parseTemplate(JSON.stringify(template), 'stack.json')], options);
  const { findings } = judge(snapshot, { mode: 'template', selection: {} });
  return Object.fromEntries(
    findings.filter(({ status }) => status !== 'pass').map(({ control, status }) => [control, status]),
  );
}

const app = { 'Fn::GetAtt': ['AppGroup', 'GroupId'] };
const data = { 'Fn::GetAtt': ['DataGroup', 'GroupId'] };
const resolve = '{{resolve:ssm:/shop/value:1}}';
const stores = (status: string) => ({ 'cache-only-from-asg': status, 'database-only-from-asg': status });
const add = (Type: string, Properties: Record<string, unknown>) => (template: Template) => {
  template.Resources['Added'] = { Type, Properties };
};
const ofType = ({ Resources }: Template, type: string) =>
  Object.values(Resources).find((resource) => resource.Type === type)!.Properties;
const asgType = 'AWS::AutoScaling::AutoScalingGroup';

const cases: [what: string, change: (template: Template) => void, expected: Record<string, string>][] = [
  ['the sound template', () => undefined, {}],
  [
    'a nested stack that gets a group in a joined list',
    add('AWS::CloudFormation::Stack', { Parameters: { Groups: { 'Fn::Join': [',', [data]] } } }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a nested stack that gets the group that rules name',
    add('AWS::CloudFormation::Stack', { Parameters: { Group: { 'Fn::Sub': `\${AppGroup.GroupId}` } } }),
    { ...stores('unknown'), 'asg-only-from-elb': 'unknown' },
  ],
  [
    'a module that gets the group that rules name',
    add('Our::Bastion::Host::MODULE', { Groups: [app] }),
    { ...stores('unknown'), 'asg-only-from-elb': 'unknown' },
  ],
  [
    'a custom resource that names a group in text',
    add('Custom::Call', { Create: { 'Fn::Join': ['', ['{"GroupId":"', data, '"}']] } }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a state machine that names the group that rules name',
    add('AWS::StepFunctions::StateMachine', {
      DefinitionString: { 'Fn::Sub': `{"SecurityGroups":["\${AppGroup.GroupId}"]}` },
    }),
    stores('unknown'),
  ],
  [
    'nodes of EKS that have it by a launch template called Id',
    (template) => {
      template.Resources['Nodes'] = {
        Type: 'AWS::EC2::LaunchTemplate',
        Properties: { LaunchTemplateData: { SecurityGroupIds: [app] } },
      };
      add('AWS::EKS::Nodegroup', { LaunchTemplate: { Id: { Ref: 'Nodes' } } })(template);
    },
    stores('fail'),
  ],
  [
    'an environment of Elastic Beanstalk that has it by an option',
    add('AWS::ElasticBeanstalk::Environment', {
      OptionSettings: [
        { Namespace: 'aws:autoscaling:launchconfiguration', OptionName: 'SecurityGroups', Value: app },
      ],
    }),
    stores('fail'),
  ],
  [
    'a compute environment of Batch that has it',
    add('AWS::Batch::ComputeEnvironment', { ComputeResources: { SecurityGroupIds: [app] } }),
    stores('fail'),
  ],
  [
    'a rotation whose groups are text with commas',
    add('AWS::SecretsManager::RotationSchedule', {
      HostedRotationLambda: { VpcSecurityGroupIds: { 'Fn::Join': [',', ['sg-other', app]] } },
    }),
    stores('fail'),
  ],
  [
    'a function that SAM gives groups by Globals',
    (template) => {
      template['Transform'] = 'AWS::Serverless-2016-10-31';
      template['Globals'] = { Function: { VpcConfig: { SecurityGroupIds: [app] } } };
      add('AWS::Serverless::Function', { Handler: 'a.b' })(template);
    },
    stores('fail'),
  ],
  [
    'a rule that is added by the name of a group',
    (template) => {
      template.Resources['DataGroup']!.Properties['GroupName'] = 'shop-data';
      add('AWS::EC2::SecurityGroupIngress', {
        GroupName: 'shop-data',
        IpProtocol: 'tcp',
        FromPort: 5432,
        ToPort: 5432,
        CidrIp: '0.0.0.0/0',
      })(template);
    },
    { 'database-only-from-asg': 'fail' },
  ],
  [
    'a rule that is added to a group known at deployment',
    add('AWS::EC2::SecurityGroupIngress', { GroupId: resolve, IpProtocol: '-1', CidrIp: '0.0.0.0/0' }),
    { ...stores('unknown'), 'asg-only-from-elb': 'unknown', 'elb-open-to-web': 'unknown' },
  ],
  [
    'a size that is resolved at deployment',
    (template) => {
      ofType(template, asgType)['MinSize'] = resolve;
    },
    { 'asg-multi-az': 'unknown' },
  ],
  [
    'a scheduled action that sets no instances',
    (template) => {
      const group = Object.entries(template.Resources).find(([, { Type }]) => Type === asgType)![0];
      add('AWS::AutoScaling::ScheduledAction', { AutoScalingGroupName: { Ref: group }, MinSize: 0 })(
        template,
      );
    },
    { 'asg-multi-az': 'fail' },
  ],
  [
    'a scheduled action that keeps the size',
    (template) => {
      const group = Object.entries(template.Resources).find(([, { Type }]) => Type === asgType)![0];
      add('AWS::AutoScaling::ScheduledAction', { AutoScalingGroupName: { Ref: group }, MinSize: 3 })(
        template,
      );
    },
    {},
  ],
  [
    'instances of which one makes up the size by its weight',
    (template) => {
      const properties = ofType(template, asgType);
      const specification = properties['LaunchTemplate'];
      delete properties['LaunchTemplate'];
      const override = { InstanceType: 'm5.4xlarge', WeightedCapacity: '8' };
      properties['MixedInstancesPolicy'] = {
        LaunchTemplate: { LaunchTemplateSpecification: specification, Overrides: [override] },
      };
    },
    { 'asg-multi-az': 'fail' },
  ],
  [
    'a macro over a group, which may rewrite its rules',
    (template) => {
      template.Resources['DataGroup']!.Properties['Fn::Transform'] = { Name: 'AWS::Include' };
    },
    { 'database-only-from-asg': 'unknown', 'chain-connects': 'unknown' },
  ],
  [
    'a group whose name is a parameter without value',
    (template) => {
      ofType(template, asgType)['AutoScalingGroupName'] = { 'Fn::Sub': `shop-\${Unset}` };
    },
    {},
  ],
  [
    'a default of a mapping',
    (template) => {
      template['Mappings'] = { Settings: { prod: { Multi: false } } };
      template['Transform'] = 'AWS::LanguageExtensions';
      ofType(template, 'AWS::RDS::DBInstance')['MultiAZ'] = {
        'Fn::FindInMap': ['Settings', 'here', 'Multi', { DefaultValue: true }],
      };
    },
    {},
  ],
];

test.each(cases)('%s is judged as it is', (_what, change, expected) => {
  expect(verdicts(change)).toEqual(expected);
});

test.each(['OurMacro', { Name: 'AWS::Include', Parameters: {} }])(
  'a macro over the whole template leaves nothing certain',
  (macro) => {
    const found = verdicts((template) => {
      template['Transform'] = ['AWS::LanguageExtensions', macro];
    });
    expect(Object.values(found)).toEqual(Array(9).fill('unknown'));
  },
);

test.each([null, [], 'text', { Properties: {} }])(
  'a resource that is %j is refused by its name',
  (resource) => {
    const text = JSON.stringify({ Resources: { Odd: resource } });
    expect(() => parseTemplate(text, 'stack.json')).toThrow(/'Odd'/);
  },
);

test('a template with one key twice is refused', () => {
  expect(() => parseTemplate('Resources:\n  A: { Type: X }\n  A: { Type: Y }\n', 'stack.yaml')).toThrow(
    /Map keys must be unique/,
  );
});
