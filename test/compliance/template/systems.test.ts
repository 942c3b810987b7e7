// Several templates of one call are one system: nested stacks, their parameters and outputs, exports, CDK's folder.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { judge } from '../../../ops-scripts/compliance/judge.ts';
import { writeReport } from '../../../ops-scripts/compliance/report/write-report.ts';
import {
  checkParameters,
  judgeTemplates,
  parseParameters,
  readTemplates,
} from '../../../ops-scripts/compliance/template/judge-templates.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { snapshotFromParsed } from '../../../ops-scripts/compliance/template/template.ts';
import { TemplateStack } from '../support/template-stack.ts';

type Resources = TemplateStack['resources'];
type File = [name: string, template: object];

const options = { parameters: {}, region: 'eu-west-1', account: '123456789012' };

/** All verdicts other than `pass`. */
function verdicts(files: File[], parameters: Record<string, string> = {}): Record<string, string> {
  const templates = files.map(([name, template]) => parseTemplate(JSON.stringify(template), name));
  return said(snapshotFromParsed(templates, { ...options, parameters }));
}

function said(snapshot: ReturnType<typeof snapshotFromParsed>): Record<string, string> {
  const { findings } = judge(snapshot, { mode: 'template', selection: {} });
  return Object.fromEntries(
    findings.filter(({ status }) => status !== 'pass').map(({ control, status }) => [control, status]),
  );
}

/** The sound stack in three files: a parent, its network and groups, and its parts, which get these as parameters. */
function inThree(): { parent: Record<string, unknown>; network: Resources; parts: Resources } {
  const all = new TemplateStack().resources;
  const isNetwork = ([, { Type }]: [string, { Type: string }]) =>
    /^AWS::EC2::(VPC|Subnet|SecurityGroup)/.test(Type);
  const network = Object.fromEntries(Object.entries(all).filter(isNetwork));
  const parts = Object.fromEntries(Object.entries(all).filter((entry) => !isNetwork(entry)));
  const get = (name: string) => ({ 'Fn::GetAtt': ['Network', `Outputs.${name}`] });
  const Resources = {
    Network: {
      Type: 'AWS::CloudFormation::Stack',
      Properties: {
        TemplateURL: { 'Fn::Sub': `https://\${Bucket}.s3.amazonaws.com/\${Prefix}network.yaml?v=1` },
      },
    },
    Parts: {
      Type: 'AWS::CloudFormation::Stack',
      Properties: {
        TemplateURL: './parts.json',
        Parameters: {
          Subnets: { 'Fn::Join': [',', [get('SubnetA'), get('SubnetB')]] },
          Vpc: get('Vpc'),
          WebGroup: get('WebGroup'),
          AppGroup: get('AppGroup'),
          StoreGroup: get('StoreGroup'),
          DataGroup: get('DataGroup'),
          Size: '2',
        },
      },
    },
  };
  const Parameters = { Bucket: { Type: 'String' }, Prefix: { Type: 'String', Default: 'stacks/' } };
  return { parent: { Parameters, Resources }, network, parts };
}

function threeFiles(change: (made: ReturnType<typeof inThree>) => void = () => undefined): File[] {
  const made = inThree();
  change(made);
  const named = ['Vpc', 'SubnetA', 'SubnetB', 'WebGroup', 'AppGroup', 'StoreGroup', 'DataGroup'];
  const Outputs = Object.fromEntries(named.map((id) => [id, { Value: { Ref: id } }]));
  const groups = ['Vpc', 'WebGroup', 'AppGroup', 'StoreGroup', 'DataGroup'];
  const Parameters = {
    Subnets: { Type: 'List<AWS::EC2::Subnet::Id>' },
    Size: { Type: 'Number', Default: 1 },
    ...Object.fromEntries(groups.map((id) => [id, { Type: 'String' }])),
  };
  const text = JSON.stringify(made.parts)
    .replaceAll(/\{"Fn::GetAtt":\["(\w+Group)","GroupId"\]\}/g, '{"Ref":"$1"}')
    .replaceAll('[{"Ref":"SubnetA"},{"Ref":"SubnetB"}]', '{"Ref":"Subnets"}')
    .replace('"MinSize":"2"', '"MinSize":{"Ref":"Size"}');
  return [
    ['shop/parent.json', made.parent],
    ['shop/network.yaml', { Resources: made.network, Outputs }],
    ['shop/parts.json', { Parameters, Resources: JSON.parse(text) }],
  ];
}

const everyone = { IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, CidrIp: '0.0.0.0/0' };

describe('a parent with nested stacks', () => {
  test('is judged as one stack, in whatever order its files are given', () => {
    for (const files of [threeFiles(), threeFiles().toReversed()]) expect(verdicts(files)).toEqual({});
  });

  test('fails by a rule of one nested stack on the group of another', () => {
    const files = threeFiles(({ parts }) => {
      parts['Open'] = {
        Type: 'AWS::EC2::SecurityGroupIngress',
        Properties: { GroupId: { Ref: 'DataGroup' }, ...everyone },
      };
    });
    expect(verdicts(files)).toEqual({ 'database-only-from-asg': 'fail' });
  });

  test('fails by a value that the parent passes, and takes the default where it passes none', () => {
    const passes = (Size: unknown) =>
      threeFiles(({ parent }) => {
        const { Parts } = parent['Resources'] as Resources;
        Object.assign(Parts!.Properties['Parameters'] as object, { Size });
      });
    expect(verdicts(passes('1'))).toEqual({ 'asg-multi-az': 'fail' });
    expect(verdicts(passes({ Ref: 'AWS::NoValue' }))).toEqual({ 'asg-multi-az': 'fail' });
    expect(verdicts(passes({ Ref: 'Bucket' }))).toEqual({ 'asg-multi-az': 'unknown' });
    expect(verdicts(passes({ Ref: 'Bucket' }), { Bucket: '3' })).toEqual({});
  });

  test('leads from each finding to the file and line that declare the part', () => {
    const yaml =
      'Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties: { Engine: mysql, MultiAZ: !Ref "AWS::NoValue" }\n';
    const judged = judgeTemplates([parseTemplate(yaml, 'stacks/my shop.yaml')], options, { selection: {} });
    const log = JSON.parse(writeReport(judged, 'sarif', { color: false, width: 80 }));
    const results = log.runs[0].results as { ruleId: string; level: string; locations: object[] }[];
    expect(results.find(({ ruleId }) => ruleId === 'database-multi-az')).toMatchObject({
      level: 'error',
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: 'stacks/my%20shop.yaml' }, region: { startLine: 2 } },
        },
      ],
    });
  });

  test('is unknown for what a nested stack gets whose file is not given', () => {
    const [parent, network, parts] = threeFiles(({ parent: { Resources } }) => {
      (Resources as Resources)['Jobs'] = {
        Type: 'AWS::CloudFormation::Stack',
        Properties: {
          TemplateURL: 'jobs.yaml',
          Parameters: { Groups: { 'Fn::Join': [',', [{ 'Fn::GetAtt': ['Network', 'Outputs.DataGroup'] }]] } },
        },
      };
    });
    expect(verdicts([parent!, network!, parts!])).toEqual({ 'database-only-from-asg': 'unknown' });
  });

  test('has its stack twice where two resources make it, each with its own groups', () => {
    const bastion: File = [
      'bastion.yaml',
      {
        Parameters: { Group: { Type: 'String' } },
        Resources: {
          Machine: { Type: 'AWS::EC2::Instance', Properties: { SecurityGroupIds: [{ Ref: 'Group' }] } },
        },
      },
    ];
    const files = (group: string) => {
      const given = threeFiles(({ parent: { Resources } }) => {
        for (const [index, name] of ['OtherGroup', group].entries())
          (Resources as Resources)[`Bastion${index}`] = {
            Type: 'AWS::CloudFormation::Stack',
            Properties: {
              TemplateURL: 'https://s3.amazonaws.com/bucket/bastion.yaml',
              Parameters: { Group: { 'Fn::GetAtt': ['Network', `Outputs.${name}`] } },
            },
          };
      });
      (given[1]![1] as { Outputs: Record<string, object> }).Outputs['OtherGroup'] = {
        Value: { Ref: 'OtherGroup' },
      };
      return [...given, bastion];
    };
    expect(verdicts(files('OtherGroup'))).toEqual({});
    expect(verdicts(files('AppGroup'))).toEqual({
      'cache-only-from-asg': 'fail',
      'database-only-from-asg': 'fail',
    });
  });
});

test('a value that one template keeps in Parameter Store is known to the others', () => {
  const { resources } = new TemplateStack();
  resources['Kept'] = {
    Type: 'AWS::SSM::Parameter',
    Properties: { Name: '/shop/data-group', Type: 'String', Value: { Ref: 'DataGroup' } },
  };
  const rule = (GroupId: unknown) => ({
    Parameters: { Kept: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/shop/data-group' } },
    Resources: { Open: { Type: 'AWS::EC2::SecurityGroupIngress', Properties: { GroupId, ...everyone } } },
  });
  for (const group of [{ Ref: 'Kept' }, '{{resolve:ssm:/shop/data-group:3}}'])
    expect(
      verdicts([
        ['rule.json', rule(group)],
        ['shop.json', { Resources: resources }],
      ]),
    ).toEqual({ 'database-only-from-asg': 'fail' });
});

test('a loop over what is known is what it makes, and one over the unknown may make it', () => {
  const looped = (items: unknown, port: number) => ({
    Transform: 'AWS::LanguageExtensions',
    Parameters: { Unset: { Type: 'CommaDelimitedList' } },
    Resources: {
      ...new TemplateStack().resources,
      'Fn::ForEach::Rules': [
        'Group',
        items,
        {
          [`Extra\${Group}`]: {
            Type: 'AWS::EC2::SecurityGroupIngress',
            Properties: {
              GroupId: { 'Fn::GetAtt': [`\${Group}`, 'GroupId'] },
              IpProtocol: 'tcp',
              FromPort: port,
              ToPort: port,
              SourceSecurityGroupId: { 'Fn::GetAtt': ['AppGroup', 'GroupId'] },
            },
          },
        },
      ],
    },
  });
  expect(verdicts([['shop.json', looped(['DataGroup'], 5432)]])).toEqual({});
  expect(verdicts([['shop.json', looped(['DataGroup', 'StoreGroup'], 22)]])).toEqual({
    'cache-only-from-asg': 'fail',
    'database-only-from-asg': 'fail',
  });
  expect(verdicts([['shop.json', looped({ Ref: 'Unset' }, 22)]])).toEqual({
    'asg-only-from-elb': 'unknown',
    'cache-only-from-asg': 'unknown',
    'database-only-from-asg': 'unknown',
    'elb-open-to-web': 'unknown',
  });
});

describe('parameters', () => {
  test.each([
    '[{"ParameterKey":"Size","ParameterValue":"3"},{"ParameterKey":"Old","UsePreviousValue":true}]',
    '{"Parameters":{"Size":3}}',
    '{"Size":"3"}',
    'Size: 3',
    '["Size=3"]',
  ])('are read from %s', (text) => {
    expect(parseParameters(text, 'file')).toEqual({ Size: '3' });
  });

  test.each(['5', '[{"Key":"Size"}]', '{"Size":{"a":1}}', '{"Size":'])('are refused as %s', (text) => {
    expect(() => parseParameters(text, 'shop.params.json')).toThrow(/shop\.params\.json/);
  });

  test('that no template declares are refused by name', () => {
    const template = parseTemplate('Parameters: { Size: { Type: Number } }\nResources: {}', 'shop.yaml');
    expect(() => checkParameters({ Size: '2' }, [template])).not.toThrow();
    expect(() => checkParameters({ Sise: '2' }, [template])).toThrow(/'Sise' in shop\.yaml; there are Size/);
  });
});

test("CDK's folder is read by its manifest, with its stages and the templates of nested stacks", () => {
  const folder = mkdtempSync(join(tmpdir(), 'compliance-cdk-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: unknown) =>
    writeFileSync(join(folder, name), JSON.stringify(content));
  const [parent, network, parts] = threeFiles();
  const { Network, Parts } = (parent![1] as { Resources: Record<string, Record<string, unknown>> }).Resources;
  Network!['Metadata'] = { 'aws:asset:path': 'network.nested.template.json' };
  (Parts!['Properties'] as Record<string, unknown>)['TemplateURL'] = {
    'Fn::Sub': `https://s3.\${AWS::Region}.\${AWS::URLSuffix}/assets-\${AWS::AccountId}/0abc.json`,
  };
  const stage = join(folder, 'assembly-prod');
  mkdirSync(stage);
  const stack = { type: 'aws:cloudformation:stack', environment: 'aws://123456789012/eu-west-1' };
  write('manifest.json', {
    artifacts: { prod: { type: 'cdk:cloud-assembly', properties: { directoryName: 'assembly-prod' } } },
  });
  write('assembly-prod/manifest.json', {
    artifacts: { shop: { ...stack, properties: { templateFile: 'shop.template.json' } } },
  });
  write('assembly-prod/shop.assets.json', {
    files: { '0abc': { source: { path: 'parts.nested.template.json' } } },
  });
  write('assembly-prod/stale.template.json', { Resources: { Other: { Type: 'Our::Macro::MODULE' } } });
  write('assembly-prod/network.nested.template.json', network![1]);
  write('assembly-prod/parts.nested.template.json', parts![1]);
  Parts!['Metadata'] = { 'aws:asset:path': 'parts.nested.template.json' };
  write('assembly-prod/shop.template.json', parent![1]);
  const given = readTemplates([folder]);
  expect(given).toMatchObject({ region: 'eu-west-1', account: '123456789012' });
  expect(given.templates).toHaveLength(3);
  expect(said(snapshotFromParsed(given.templates, options))).toEqual({});
  expect(() => readTemplates([join(folder, 'assembly-prod', 'no')])).toThrow(/no/);
});
