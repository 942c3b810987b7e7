// Resources that a template passes to others: who has a group, however it is named, and who may change it.
import { expect, test } from 'vitest';
import {
  add,
  bothStores,
  groupOfDatabase,
  groupOfInstances,
  type Template,
  type TemplateCase,
  verdictsOfTemplate,
} from '../support/judged-template.ts';

const [app, data, stores] = [groupOfInstances, groupOfDatabase, bothStores];

const lambda = (text: unknown) => add('AWS::Lambda::Function', { Environment: { Variables: { IT: text } } });
const everyone = { IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, CidrIp: '0.0.0.0/0' };
const nested = (Parameters: object) => add('AWS::CloudFormation::Stack', { TemplateURL: 'x', Parameters });
const opens = (Resource: unknown) =>
  add('AWS::IAM::Role', {
    Policies: [
      {
        PolicyName: 'Inline',
        PolicyDocument: {
          Statement: [{ Effect: 'Allow', Action: ['ec2:AuthorizeSecurityGroupIngress'], Resource }],
        },
      },
    ],
  });
const groupArn = (id: unknown) => ({
  'Fn::Join': [
    '',
    ['arn:aws:ec2:', { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }, ':security-group/', id],
  ],
});
const everyReach = {
  ...stores('unknown'),
  'asg-only-from-elb': 'unknown',
  'elb-open-to-web': 'unknown',
};

const handed: TemplateCase[] = [
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
    'nodes of EKS that the group may reach by SSH',
    add('AWS::EKS::Nodegroup', { RemoteAccess: { Ec2SshKey: 'key', SourceSecurityGroups: [app] } }),
    {},
  ],
  [
    'an event source that has it by an option',
    add('AWS::Lambda::EventSourceMapping', {
      SourceAccessConfigurations: [
        { Type: 'VPC_SECURITY_GROUP', URI: { 'Fn::Sub': `security_group:\${AppGroup}` } },
      ],
    }),
    stores('fail'),
  ],
  [
    'a nested stack that gets the launch template, whose group it may give to others',
    nested({ Template: { Ref: 'LaunchTemplate' } }),
    { ...stores('unknown'), 'asg-only-from-elb': 'unknown', 'chain-connects': 'unknown' },
  ],
  [
    'a nested stack that gets the name of the group',
    nested({ Group: { Ref: 'Group' } }),
    { 'asg-multi-az': 'unknown' },
  ],
  [
    'a function that gets a group in its environment',
    lambda({ 'Fn::Sub': `{"group":"\${DataGroup.GroupId}"}` }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a function that gets the address of the database',
    lambda({ 'Fn::GetAtt': ['Database', 'Endpoint.Address'] }),
    {},
  ],
  [
    'a start-up script that names a group',
    (template) => {
      const data = template.Resources['LaunchTemplate']!.Properties['LaunchTemplateData'] as object;
      Object.assign(data, { UserData: { 'Fn::Base64': { 'Fn::Sub': `aws ec2 authorize \${DataGroup}` } } });
    },
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a custom resource that gets the database by its name',
    add('Custom::Modify', { Database: { Ref: 'Database' } }),
    { 'database-multi-az': 'unknown', 'database-only-from-asg': 'unknown' },
  ],
  [
    'a state machine that authorizes ingress',
    add('AWS::StepFunctions::StateMachine', {
      DefinitionString: {
        'Fn::Sub': `{"Resource":"arn:aws:states:::aws-sdk:ec2:authorizeSecurityGroupIngress","Id":"\${DataGroup}"}`,
      },
    }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a schedule whose call names a group',
    add('AWS::Scheduler::Schedule', { Target: { Input: { 'Fn::Sub': `{"GroupId":"\${DataGroup}"}` } } }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a policy that lets its role open a group',
    add('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Action: ['ec2:AuthorizeSecurityGroupIngress'],
            Resource: { 'Fn::Sub': `arn:aws:ec2:eu-west-1:1:security-group/\${DataGroup}` },
          },
        ],
      },
    }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'an association that hands it to a document as a parameter',
    add('AWS::SSM::Association', { Name: 'Open', Parameters: { SecurityGroupIds: [data] } }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a policy that lets its role open any group',
    add('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [{ Effect: 'Allow', Action: 'ec2:AuthorizeSecurityGroupIngress', Resource: '*' }],
      },
    }),
    { ...stores('unknown'), 'asg-only-from-elb': 'unknown', 'elb-open-to-web': 'unknown' },
  ],
  [
    'a group that EMR manages, to which it adds rules',
    add('AWS::EMR::Cluster', { Instances: { EmrManagedMasterSecurityGroup: data } }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a pipe that has the group in a list of another name',
    add('AWS::Pipes::Pipe', {
      SourceParameters: { SelfManagedKafkaParameters: { Vpc: { SecurityGroup: [app] } } },
    }),
    stores('fail'),
  ],
  [
    'a location that has it as an ARN',
    add('AWS::DataSync::LocationEFS', {
      Ec2Config: {
        SecurityGroupArns: [{ 'Fn::Sub': `arn:aws:ec2:eu-west-1:1:security-group/\${AppGroup}` }],
      },
    }),
    stores('fail'),
  ],
  [
    'nodes of EKS whose launch template has it on a network interface',
    (template) => {
      template.Resources['Nodes'] = {
        Type: 'AWS::EC2::LaunchTemplate',
        Properties: { LaunchTemplateData: { NetworkInterfaces: [{ DeviceIndex: 0, Groups: [app] }] } },
      };
      add('AWS::EKS::Nodegroup', { LaunchTemplate: { Id: { Ref: 'Nodes' } } })(template);
    },
    stores('fail'),
  ],
  [
    'a machine that has the group by its name',
    (template) => {
      template.Resources['AppGroup']!.Properties['GroupName'] = 'shop-app';
      add('AWS::EC2::Instance', { SecurityGroups: ['shop-app'] })(template);
    },
    stores('fail'),
  ],
  [
    'a policy that lets its role close the default group of the VPC, as CDK writes it',
    opens([groupArn({ 'Fn::GetAtt': ['Vpc', 'DefaultSecurityGroup'] })]),
    {},
  ],
  [
    'a policy that lets its role open a group that only deployment tells',
    opens(groupArn({ Ref: 'Unset' })),
    everyReach,
  ],
  ['a policy that lets its role open groups by a wildcard', opens([groupArn('*')]), everyReach],
];

const allows = (Action: unknown, Resource: unknown) => ({
  Statement: [{ Effect: 'Allow', Action, Resource }],
});
const policyOfAws = 'arn:aws:iam::aws:policy/AmazonEC2FullAccess';
const makes = (Type: string, Properties: object) => (template: Template) => {
  template.Resources['Made'] = { Type, Properties: Properties as Record<string, unknown> };
};
const custom = add('Custom::Change', { It: { Ref: 'Made' } });
const both =
  (...changes: TemplateCase[1][]): TemplateCase[1] =>
  (template) =>
    changes.forEach((change) => {
      change(template);
    });

/** Resources that a custom resource gets beside a part. It may change them. */
const changed: TemplateCase[] = [
  [
    'a listener that a custom resource gets',
    add('Custom::Change', { It: { Ref: 'Listener443' } }),
    { 'chain-connects': 'unknown' },
  ],
  [
    'a target group that a custom resource gets',
    add('Custom::Change', { It: { Ref: 'Targets' } }),
    { 'asg-only-from-elb': 'unknown', 'chain-connects': 'unknown' },
  ],
  [
    'a rule that a custom resource gets',
    add('Custom::Change', { It: { 'Fn::GetAtt': ['Rule3', 'Id'] } }),
    { 'cache-only-from-asg': 'unknown', 'chain-connects': 'unknown' },
  ],
  [
    'a prefix list that a custom resource gets',
    both(makes('AWS::EC2::PrefixList', { PrefixListName: 'list', Entries: [] }), custom, (template) => {
      template.Resources['In'] = {
        Type: 'AWS::EC2::SecurityGroupIngress',
        Properties: { GroupId: data, ...everyone, CidrIp: undefined, SourcePrefixListId: { Ref: 'Made' } },
      };
    }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a role that may open every group, which a custom resource gets',
    both(
      makes('AWS::IAM::Role', { ManagedPolicyArns: [policyOfAws] }),
      add('Custom::Change', { Role: { 'Fn::GetAtt': ['Made', 'Arn'] } }),
    ),
    everyReach,
  ],
  [
    'a role that may do everything with EC2, which a module gets',
    both(
      makes('AWS::IAM::Role', { Policies: [{ PolicyDocument: allows('ec2:*', '*') }] }),
      add('Our::Bastion::Host::MODULE', { Role: { 'Fn::GetAtt': ['Made', 'Arn'] } }),
    ),
    everyReach,
  ],
  [
    'a role that may read EC2 alone, which a custom resource gets',
    both(
      makes('AWS::IAM::Role', { Policies: [{ PolicyDocument: allows('ec2:Describe*', '*') }] }),
      add('Custom::Change', { Role: { 'Fn::GetAtt': ['Made', 'Arn'] } }),
    ),
    {},
  ],
  [
    'a role that may do everything with EC2 and that nobody gets',
    makes('AWS::IAM::Role', { Policies: [{ PolicyDocument: allows('ec2:*', '*') }] }),
    {},
  ],
  [
    'a function of SAM whose policy lets it open a group',
    add('AWS::Serverless::Function', {
      Policies: [allows('ec2:AuthorizeSecurityGroupIngress', groupArn(data))],
    }),
    { 'database-only-from-asg': 'unknown' },
  ],
  [
    'a function of SAM whose policy lets it open any group, by a wildcard',
    add('AWS::Serverless::Function', { Policies: [allows(['ec2:Authorize*'], '*')] }),
    everyReach,
  ],
  [
    'a permission set that lets people open a group',
    add('AWS::SSO::PermissionSet', { InlinePolicy: allows('ec2:Auth*Ingress', groupArn(data)) }),
    { 'database-only-from-asg': 'unknown' },
  ],
];

test.each([...handed, ...changed])('%s is judged as it is', (_what, change, expected) => {
  expect(verdictsOfTemplate(change)).toEqual(expected);
});
