// Resolves what template expressions refer to; what the template can't know is an unknown value with its reason.
import { unknownValue } from '../snapshot.ts';
import { portOf } from './engine-ports.ts';
import { evaluate, evaluateProperties } from './evaluate.ts';
import { isRecord, type Template } from './parse-template.ts';

export interface TemplateOptions {
  parameters: Record<string, string>;
  region: string;
  account: string;
}

export class Scope {
  readonly template: Template;
  readonly options: TemplateOptions;
  /** What other templates given together export, by name. */
  readonly exports: Map<string, () => unknown>;
  /** Logical ids that other templates declare too. */
  readonly #shared: ReadonlySet<string>;

  constructor(
    template: Template,
    options: TemplateOptions,
    exports: Map<string, () => unknown>,
    shared: ReadonlySet<string>,
  ) {
    this.template = template;
    this.options = options;
    this.exports = exports;
    this.#shared = shared;
  }

  /** The id of a resource among those of all templates: one that several declare is told apart by its file. */
  idOf(id: string): string {
    // Ids are joined by commas where AWS does so.
    return this.#shared.has(id) ? `${this.template.file.replaceAll(/[\s,]/g, '_')}:${id}` : id;
  }

  /** What `Ref` gives: a pseudo parameter, a parameter's value, or a resource's logical id. */
  ref(name: string): unknown {
    if (name.startsWith('AWS::')) return this.#pseudo(name);
    const parameter = this.template.Parameters[name];
    if (parameter !== undefined) return this.#parameter(name, parameter);
    if (name in this.template.Resources) return this.idOf(name);
    return unknownValue(`'${name}' is neither parameter nor resource of the template`);
  }

  /** What `Fn::GetAtt` gives: the text of an identifier for identifiers, a property for a few, else unknown. */
  attribute(id: string, name: string): unknown {
    const resource = this.template.Resources[id];
    if (resource === undefined) return unknownValue(`'${id}' is no resource of the template`);
    if (name === 'DefaultSecurityGroup') return `${this.idOf(id)}.default`;
    if (name === 'LatestVersionNumber') return '$Latest';
    if (name === 'DefaultVersionNumber') return '$Default';
    if (name === 'DNSName' && resource.Type.includes('LoadBalancer')) return `${this.idOf(id)}.dns`;
    const property = resource.Properties?.[name];
    if (property !== undefined) return evaluate(property, this);
    if (identifiers.has(name)) return this.idOf(id);
    if (/^(Endpoint|.*EndPoint|.*Endpoint)\.Port$/.test(name)) {
      const { Port: port, Engine: engine } = this.properties(id);
      return portOf(port, engine);
    }
    return unknownValue(`${id}.${name} is known only once deployed`);
  }

  /** True, false, or an unknown value. */
  condition(name: string): unknown {
    const expression = this.template.Conditions[name];
    return expression === undefined
      ? unknownValue(`condition '${name}' is not in the template`)
      : evaluate(expression, this);
  }

  /** A resource's properties, evaluated. */
  properties(id: string): Record<string, unknown> {
    return evaluateProperties(this.declared(id), this);
  }

  /** What SAM's `Globals` give to each function comes under what the function says itself; lists are joined. */
  declared(id: string): unknown {
    const { Type: type = '', Properties: own = {} } = this.template.Resources[id] ?? {};
    const [, kind] = /^AWS::Serverless::(\w+)$/.exec(type) ?? [];
    const shared = kind === undefined ? undefined : this.template.Globals[kind];
    return isRecord(shared) ? joinRecords(shared, own) : own;
  }

  #pseudo(name: string): unknown {
    if (name === 'AWS::Region') return this.options.region || unknownValue('the region is not given');
    if (name === 'AWS::AccountId') return this.options.account || unknownValue('the account is not given');
    if (name === 'AWS::Partition') return 'aws';
    if (name === 'AWS::URLSuffix') return 'amazonaws.com';
    if (name === 'AWS::NoValue') return undefined;
    if (name === 'AWS::StackName') return this.template.file;
    return unknownValue(`${name} is known only once deployed`);
  }

  #parameter(name: string, parameter: Record<string, unknown>): unknown {
    const type = String(parameter['Type'] ?? 'String');
    if (type.startsWith('AWS::SSM::')) return unknownValue(`parameter '${name}' is kept in Parameter Store`);
    const value = this.options.parameters[name] ?? parameter['Default'];
    if (value === undefined || value === null) return unknownValue(`parameter '${name}' has no value`);
    const isList = type.startsWith('List<') || type === 'CommaDelimitedList';
    if (String(value).includes('{{resolve:'))
      return unknownValue(`the value of parameter '${name}' is resolved at deployment`);
    if (!isList) return type === 'Number' ? Number(value) : String(value);
    return String(value)
      .split(',')
      .map((item) => item.trim());
  }
}

function joinRecords(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const joined = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = under[key];
    if (Array.isArray(below) && Array.isArray(value)) joined[key] = [...below, ...value];
    else if (isRecord(below) && isRecord(value)) joined[key] = joinRecords(below, value);
    else joined[key] = value;
  }
  return joined;
}

const identifiers = new Set([
  'Arn',
  'GroupId',
  'Id',
  'VpcId',
  'SubnetId',
  'LoadBalancerArn',
  'TargetGroupArn',
  'ListenerArn',
  'LaunchTemplateId',
  'PrefixListId',
  'InstanceId',
  'DBInstanceArn',
  'DBClusterArn',
  'ReplicationGroupId',
  'ARN',
]);
