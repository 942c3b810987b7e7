// Parses JSON and YAML templates. Short tags (`!Ref`, `!GetAtt a.b`) become long functions.
import { type CollectionTag, parse, type ScalarTag, type YAMLMap, type YAMLSeq } from 'yaml';
import { ConfigFault } from '../config-fault.ts';
import type { UnknownValue } from '../snapshot.ts';

export interface Template {
  file: string;
  Parameters: Record<string, Record<string, unknown>>;
  Mappings: Record<string, unknown>;
  Conditions: Record<string, unknown>;
  Resources: Record<string, DeclaredResource>;
  Outputs: Record<string, { Value?: unknown; Condition?: unknown; Export?: { Name?: unknown } }>;
  /** Macros that rewrite the whole template. */
  Transform: unknown[];
  /** Properties that SAM adds to each resource of a type. */
  Globals: Record<string, unknown>;
  /** Other names of the file, which URLs of assets use. */
  hashes: string[];
  /** The source text, to find the line of a resource. */
  text: string;
}

export interface DeclaredResource {
  Type: string;
  Condition?: string;
  Properties?: Record<string, unknown>;
  Metadata?: Record<string, unknown>;
  /** Set where a loop with unknown items may create the resource. */
  unknownReason?: UnknownValue;
}

const functionNames = [
  'And',
  'Base64',
  'Cidr',
  'Equals',
  'FindInMap',
  'GetAtt',
  'GetAZs',
  'If',
  'ImportValue',
  'Join',
  'Length',
  'Not',
  'Or',
  'Select',
  'Split',
  'Sub',
  'ToJsonString',
  'Transform',
];

/** Throws a ConfigFault where the text is not a CloudFormation template. */
export function parseTemplate(text: string, file: string): Template {
  let parsed: unknown;
  try {
    // CloudFormation reads YAML 1.1, where `yes` and `on` are true. Dates stay text, because they are format versions.
    parsed = parse(text, {
      version: '1.1',
      customTags: (tags) => [...tags.filter((tag) => !isTimestamp(tag)), ...shortForms()],
      logLevel: 'error',
      merge: true,
    });
  } catch (error) {
    throw new ConfigFault(`Cannot read '${file}' as a template: ${whyOf(error)}`, {
      cause: error,
    });
  }
  if (!isRecord(parsed) || !isRecord(parsed['Resources'])) {
    throw new ConfigFault(`Cannot read '${file}' as a template as it has no 'Resources'`);
  }
  for (const [id, resource] of Object.entries(parsed['Resources'])) {
    // A resource that a macro or a loop creates gets its type later.
    const isMade = id.startsWith('Fn::') || (isRecord(resource) && 'Fn::Transform' in resource);
    if (!isMade && (!isRecord(resource) || typeof resource['Type'] !== 'string'))
      throw new ConfigFault(`Cannot read '${file}' as a template as its resource '${id}' has no 'Type'`);
  }
  for (const name of ['Parameters', 'Outputs']) {
    const section = isRecord(parsed[name]) ? parsed[name] : {};
    const odd = Object.keys(section).find((id) => !id.startsWith('Fn::') && !isRecord(section[id]));
    if (odd !== undefined)
      throw new ConfigFault(`Cannot read '${file}' as a template as '${odd}' of its ${name} is no object`);
  }
  const transform = parsed['Transform'];
  const section = (name: string) => (isRecord(parsed[name]) ? parsed[name] : {});
  return {
    file,
    Parameters: section('Parameters') as Template['Parameters'],
    Mappings: section('Mappings'),
    Conditions: section('Conditions'),
    Resources: section('Resources') as Template['Resources'],
    Outputs: section('Outputs') as Template['Outputs'],
    Transform: transform === undefined || transform === null ? [] : [transform].flat(),
    Globals: section('Globals'),
    hashes: [],
    text,
  };
}

function isTimestamp(tag: unknown): boolean {
  return isRecord(tag) && tag['tag'] === 'tag:yaml.org,2002:timestamp';
}

function shortForms(): (ScalarTag | CollectionTag)[] {
  const names = [
    ['Ref', 'Ref'],
    ['Condition', 'Condition'],
    ...functionNames.map((name) => [name, `Fn::${name}`]),
  ];
  return names.flatMap(([tag, key]) => formsOf(`!${tag}`, key!));
}

function formsOf(tag: string, key: string): (ScalarTag | CollectionTag)[] {
  const wrap = (value: unknown) => ({ [key]: value });
  return [
    {
      tag,
      resolve: (text: string) => wrap(key === 'Fn::GetAtt' ? splitOnce(text) : text),
    },
    { tag, collection: 'seq', resolve: (node: YAMLMap | YAMLSeq) => wrapped(node, wrap) },
    { tag, collection: 'map', resolve: (node: YAMLMap | YAMLSeq) => wrapped(node, wrap) },
  ] as (ScalarTag | CollectionTag)[];
}

function wrapped(node: YAMLMap | YAMLSeq, wrap: (value: unknown) => object) {
  // The parser asks the node for its plain value later, when inner tags are already resolved.
  const plain = node.toJSON.bind(node);
  node.toJSON = (...context: Parameters<typeof plain>) => wrap(plain(...context));
  return node;
}

function splitOnce(text: string): string[] {
  const dot = text.indexOf('.');
  return dot < 0 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names to which expressions can refer. */
export interface Names {
  template: Pick<Template, 'Mappings'>;
  system: { exports: Map<string, { scope: Names; value: unknown }> };
  ref(name: string): unknown;
  attribute(id: string, name: string): unknown;
  condition(name: string): unknown;
  /** Returns the value to try for something that is one of `values`. */
  choose(what: string, values: unknown[]): unknown;
  /** Returns the value that a template of this call stores in Parameter Store under this name. */
  stored(name: string): unknown;
  evaluate(value: unknown): unknown;
}

/** `zone#0` is the first zone of the region, whatever its name. */
export const zonePrefix = 'zone#';

/** A number higher than the zones of any region. */
export const zonesAtMost = 8;

/** The first line of the parser's message. The further lines repeat the source text. */
function whyOf(error: unknown): string {
  const [why = ''] = (error as Error).message.split('\n');
  return why.replace(/:$/, '');
}
