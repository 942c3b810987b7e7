// Each intrinsic function, in short and long form, and everything that a template can't know as unknown.
import { describe, expect, it } from 'vitest';
import { isUnknownValue } from '../../../ops-scripts/compliance/snapshot.ts';
import { parseTemplate } from '../../../ops-scripts/compliance/template/parse-template.ts';
import { readResources } from '../../../ops-scripts/compliance/template/resources.ts';

const preamble = `
Parameters:
  Count: { Type: Number, Default: 3 }
  Names: { Type: CommaDelimitedList, Default: 'x, y' }
  Given: { Type: String }
  Missing: { Type: String }
  Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /path }
Mappings:
  Sizes: { eu-west-1: { small: 2 } }
Conditions:
  Three: !Equals [!Ref Count, '3']
  Uncertain: !Equals [!Ref Missing, 'yes']
  Either: !Or [!Condition Three, !Condition Uncertain]
  Neither: !And [!Not [!Condition Three], !Condition Uncertain]
Resources:
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { VpcId: vpc-1 } }
  Subject:
    Type: Test::Subject
    Properties:
      Value: `;

describe('a template expression', () => {
  it.each([
    ['!Ref Count', 3],
    ['!Ref Names', ['x', 'y']],
    ['{ Ref: Given }', 'given'],
    ['!Ref Group', 'Group'],
    ['!GetAtt Group.GroupId', 'Group'],
    ['!GetAtt [Group, VpcId]', 'vpc-1'],
    ['{ "Fn::GetAtt": [Group, GroupId] }', 'Group'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
    ["!Sub '${AWS::Region}-${Given}-${!Literal}-${Group.GroupId}'", 'eu-west-1-given-${Literal}-Group'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
    ["!Sub ['${A}b', { A: !Ref Count }]", '3b'],
    ["!Join ['-', [a, !Ref Given, !Ref Count]]", 'a-given-3'],
    ["!Select [1, !Split [',', 'a,b,c']]", 'b'],
    ["!Select ['0', !Ref Names]", 'x'],
    ["!FindInMap [Sizes, !Ref 'AWS::Region', small]", 2],
    ['!If [Three, then, else]', 'then'],
    ['!If [Either, then, else]', 'then'],
    ['!If [Neither, then, else]', 'else'],
    // YAML 1.1, as CloudFormation reads it.
    ['!If [Three, yes, no]', true],
    ['[on, Off, YES, "yes"]', [true, false, true, 'yes']],
    ['2012-10-17', '2012-10-17'],
    ['!FindInMap [Sizes, nowhere, small, { DefaultValue: 7 }]', 7],
    ['!Length [a, b]', 2],
    ["!If [Neither, 1, !Ref 'AWS::NoValue']", undefined],
    ['[1, !If [Neither, 2, !Ref "AWS::NoValue"], 3]', [1, 3]],
    ['{ A: !Join ["", [a, b]], B: [!Ref Given] }', { A: 'ab', B: ['given'] }],
  ])('%s is its value', (expression, expected) => {
    expect(evaluated(expression)).toEqual(expected);
  });

  it.each([
    ['!Ref Missing', 'Missing'],
    ['!Ref Stored', 'Parameter Store'],
    ['!Ref Nothing', 'Nothing'],
    ["!Ref 'AWS::StackId'", 'AWS::StackId'],
    ['!ImportValue other-stack', 'other-stack'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
    ["!Sub 'a-${Missing}'", 'Missing'],
    ["!Join ['', [a, !ImportValue x]]", "'x'"],
    ['!If [Uncertain, a, b]', 'Missing'],
    ["!Select [7, !Split [',', 'a,b']]", 'no item 7'],
    ['!FindInMap [Sizes, us-east-1, small]', 'us-east-1'],
    ['!GetAtt Subject.Outputs.X', 'Subject.Outputs.X'],
    ['{ "Fn::Transform": { Name: M } }', 'Fn::Transform'],
  ])('%s is unknown, with its reason', (expression, reason) => {
    const value = evaluated(expression);
    expect(isUnknownValue(value)).toBe(true);
    expect(value).toMatchObject({ $unknown: expect.stringContaining(reason) });
  });

  it('takes zones by number to be different, and unknown beside zones that are named', () => {
    const zones = (second: string) => zonesOf('!Select [0, !GetAZs ""]', second);
    const [first, other] = zones("!Select [1, !GetAZs '']");
    expect(first).not.toEqual(other);
    expect(isUnknownValue(zones('eu-west-1a')[0])).toBe(true);
  });

  it('reads JSON as it reads YAML', () => {
    const json = JSON.stringify({
      Resources: { A: { Type: 'T', Properties: { V: { 'Fn::Join': ['', ['a', 'b']] } } } },
    });
    expect(read(json)[0]).toMatchObject({ properties: { V: 'ab' } });
  });
});

it('leaves out a resource whose condition is false, and keeps one whose condition is unknown as uncertain', () => {
  const resources = read(
    `${preamble}1\n  Gone: { Type: T, Condition: Neither }\n  Perhaps: { Type: T, Condition: Uncertain }\n`,
  );
  expect(resources.map(({ id }) => id)).toEqual(['Group', 'Subject', 'Perhaps']);
  expect(resources.find(({ id }) => id === 'Perhaps')?.unknownReason).toBeDefined();
});

function evaluated(expression: string): unknown {
  return read(preamble + expression).find(({ id }) => id === 'Subject')?.properties['Value'];
}

function zonesOf(...zones: string[]): unknown[] {
  const subnets = zones.map(
    (zone, index) => `  S${index}: { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: ${zone} } }`,
  );
  return read(`Resources:\n${subnets.join('\n')}`).map(({ properties }) => properties['AvailabilityZone']);
}

function read(text: string) {
  const options = { parameters: { Given: 'given' }, region: 'eu-west-1', account: '123456789012' };
  return readResources([parseTemplate(text, 'test.yaml')], options);
}
