// Resolves the references of one stack. A reference that a template can't resolve is an unknown value.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { evaluate, evaluateProperties, expandLoops } from './evaluate.ts';
import { isRecord, type Template } from './parse-template.ts';
import { portOf } from './resource-facts.ts';
import { splitText, textOf } from './text.ts';

export interface TemplateOptions {
  parameters: Record<string, string>;
  region: string;
  account: string;
  /** The value to try for each unknown, by the key of `choose`. */
  choices?: ReadonlyMap<string, unknown>;
}

/** An expression with the stack in which its names are resolved. */
export interface Expression {
  scope: Scope;
  value: unknown;
}

/** What all stacks of one call share. */
export interface System {
  options: TemplateOptions;
  /** The exports of all stacks, by name. */
  exports: Map<string, Expression>;
  /** Values that the templates store in Parameter Store, by name. */
  stored: Map<string, Expression>;
  /** Logical ids that several stacks declare. */
  shared: ReadonlySet<string>;
  /** Unknowns that have only a few possible values, with these values. */
  choosable: Map<string, unknown[]>;
  /** The current depth of references. A limit ends a reference that leads to itself. */
  depth: number;
}

/** The position of a nested stack: the resource of its parent that creates it. */
export interface Place {
  parent: Scope;
  id: string;
}

/** The longest chain of references. A longer one must be a circle. */
const depthLimit = 150;

export class Scope {
  readonly template: Template;
  readonly system: System;
  readonly place: Place | undefined;
  /** Distinguishes this stack from others: its file, or the path of the nested stack. */
  readonly label: string;
  /** The nested stacks with a given template, by logical id. */
  readonly children = new Map<string, Scope>();
  /** Its resources, including those of loops. */
  readonly resources: Template['Resources'];

  constructor(template: Template, system: System, label: string, place?: Place) {
    this.template = template;
    this.system = system;
    this.place = place;
    // Ids must have no commas or spaces, because AWS joins ids by commas in some properties.
    this.label = label.replaceAll(/[\s,]/g, '_');
    this.resources = template.Resources;
    this.resources = expandLoops(template.Resources, this, markPerhaps) as Template['Resources'];
  }

  get options(): TemplateOptions {
    return this.system.options;
  }

  /** The id of a resource among all stacks. If several stacks declare it, it has the label of its stack as a prefix. */
  idOf(id: string): string {
    return this.system.shared.has(id) ? `${this.label}:${id}` : id;
  }

  /** Evaluates `Ref`: a pseudo parameter, a parameter's value, or a resource's logical id. */
  ref(name: string): unknown {
    return this.#follow(name, () => {
      if (name.startsWith('AWS::')) return this.#pseudo(name);
      const parameter = this.template.Parameters[name];
      if (parameter !== undefined) return this.#parameter(name, parameter);
      if (Object.hasOwn(this.resources, name)) return this.idOf(name);
      return unknownValue(`'${name}' is neither parameter nor resource of the template`);
    });
  }

  /** Evaluates `Fn::GetAtt`: the id of the resource for identifiers, a property for a few others, else unknown. */
  attribute(id: string, name: string): unknown {
    return this.#follow(`${id}.${name}`, () => {
      const resource = this.resources[id];
      if (resource === undefined) return unknownValue(`'${id}' is no resource of the template`);
      if (name.startsWith('Outputs.')) return this.#output(id, name.slice('Outputs.'.length));
      if (name === 'DefaultSecurityGroup') return `${this.idOf(id)}.default`;
      if (name === 'LatestVersionNumber') return '$Latest';
      if (name === 'DefaultVersionNumber') return '$Default';
      if (name === 'DNSName' && resource.Type.includes('LoadBalancer')) return `${this.idOf(id)}.dns`;
      const property = evaluate(resource.Properties?.[name], this);
      if (property !== undefined) return property;
      if (identifiers.has(name)) return this.idOf(id);
      if (/^(Endpoint|.*EndPoint|.*Endpoint)\.Port$/.test(name)) {
        const { Port: port, Engine: engine } = this.properties(id);
        return portOf(port, engine);
      }
      return unknownValue(`${id}.${name} is known only once deployed`);
    });
  }

  /** The expression of an output of a nested stack, if its template is given. */
  outputOf(id: string, name: string): Expression | undefined {
    const child = this.children.get(id);
    return child?.template.Outputs[name] && { scope: child, value: child.template.Outputs[name].Value };
  }

  #output(id: string, name: string): unknown {
    const output = this.outputOf(id, name);
    if (output === undefined) return unknownValue(`${id}.Outputs.${name} is known only once deployed`);
    return evaluate(output.value, output.scope) ?? unknownValue(`${id}.Outputs.${name} has no value`);
  }

  /** Evaluates a condition to true, false, or an unknown value. */
  condition(name: string): unknown {
    const expression = this.template.Conditions[name];
    return this.#follow(`condition ${name}`, () =>
      expression === undefined
        ? unknownValue(`condition '${name}' is not in the template`)
        : evaluate(expression, this),
    );
  }

  /** Returns the value to try for an unknown that is one of `values`; undefined if none is tried. */
  choose(what: string, values: unknown[]): unknown {
    const key = `${this.label}:${what}`;
    this.system.choosable.set(key, values);
    return this.options.choices?.get(key);
  }

  /** A resource's properties, evaluated. */
  properties(id: string): Record<string, unknown> {
    return evaluateProperties(this.declared(id), this);
  }

  /** A resource's own properties over those of SAM's `Globals` for its type. Lists are joined. */
  declared(id: string): unknown {
    const { Type: type = '', Properties: own = {} } = this.resources[id] ?? {};
    const [, kind] = /^AWS::Serverless::(\w+)$/.exec(type) ?? [];
    const shared = kind === undefined ? undefined : this.template.Globals[kind];
    return isRecord(shared) && isRecord(own) ? joinRecords(shared, own) : own;
  }

  /** The parameter that the parent of a nested stack passes to it. */
  passed(name: string): Expression | undefined {
    if (this.place === undefined) return undefined;
    const { parent, id } = this.place;
    const declared = parent.declared(id);
    const parameters = isRecord(declared) ? declared['Parameters'] : undefined;
    if (!isRecord(parameters)) return undefined;
    // A function around all parameters may pass any of them.
    const value = Object.keys(parameters).some((key) => key.startsWith('Fn::'))
      ? parameters
      : parameters[name];
    return value === undefined ? undefined : { scope: parent, value };
  }

  /** The value of a name of Parameter Store, if a template of this call stores it. */
  stored(name: string): unknown {
    const stored = this.storedAt(name);
    return stored && this.#follow(name, () => evaluate(stored.value, stored.scope));
  }

  storedAt(name: string): Expression | undefined {
    return this.system.stored.get(name.replace(/:\d+$/, ''));
  }

  evaluate(value: unknown): unknown {
    return evaluate(value, this);
  }

  #follow(what: string, read: () => unknown): unknown {
    if (this.system.depth > depthLimit) return unknownValue(`${what} leads to itself`);
    this.system.depth += 1;
    try {
      return read();
    } finally {
      this.system.depth -= 1;
    }
  }

  #pseudo(name: string): unknown {
    const { region, account } = this.options;
    const china = region.startsWith('cn-');
    if (name === 'AWS::Region') return region || unknownValue('the region is not given');
    if (name === 'AWS::AccountId') return account || unknownValue('the account is not given');
    if (name === 'AWS::Partition')
      return china ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
    if (name === 'AWS::URLSuffix') return china ? 'amazonaws.com.cn' : 'amazonaws.com';
    if (name === 'AWS::NoValue') return undefined;
    return unknownValue(`${name} is known only once deployed`);
  }

  #parameter(name: string, parameter: Record<string, unknown>): unknown {
    const passed = this.passed(name);
    const value = passed === undefined ? this.#given(name) : evaluate(passed.value, passed.scope);
    const given = value ?? evaluate(parameter['Default'], this);
    if (isRecord(given) && !isUnknownValue(given))
      return unknownValue(`the parameters of ${this.label} are not evaluated here`);
    if (given === undefined || given === null) {
      const { AllowedValues: allowed } = parameter;
      const chosen = Array.isArray(allowed) ? this.choose(`parameter ${name}`, allowed) : undefined;
      return chosen === undefined
        ? unknownValue(`parameter '${name}' has no value`)
        : this.#typed(name, String(parameter['Type'] ?? 'String'), chosen);
    }
    return this.#typed(name, String(parameter['Type'] ?? 'String'), given);
  }

  /** The value from the command line. If an outer template declares the same name, the value is only for that one. */
  #given(name: string): string | undefined {
    let outer = this.place?.parent;
    for (; outer !== undefined; outer = outer.place?.parent)
      if (Object.hasOwn(outer.template.Parameters, name)) return undefined;
    return Object.hasOwn(this.options.parameters, name) ? this.options.parameters[name] : undefined;
  }

  #typed(name: string, type: string, value: unknown): unknown {
    const [, kept] = /^AWS::SSM::Parameter::Value<(.*)>$/.exec(type) ?? [];
    if (kept !== undefined) {
      const stored = typeof value === 'string' ? this.stored(value) : undefined;
      return stored === undefined
        ? unknownValue(`parameter '${name}' is kept in Parameter Store`)
        : this.#typed(name, kept, stored);
    }
    const isList = type.startsWith('List<') || type === 'CommaDelimitedList';
    if (isList) return Array.isArray(value) ? value : splitText(value, ',', true);
    if (isUnknownValue(value)) return value;
    const text = Array.isArray(value) ? value.map(textOf).join(',') : textOf(value);
    if (text.includes('{{resolve:'))
      return unknownValue(`the value of parameter '${name}' is resolved at deployment`);
    return type === 'Number' ? Number(text) : text;
  }
}

/** The resources that a loop with unknown items may create, under the names in its body. */
function markPerhaps(unknownReason: UnknownValue, body: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(body).map(([id, resource]) => [
    id,
    isRecord(resource) ? { ...resource, unknownReason } : { Type: '', unknownReason },
  ]);
  return entries.length > 0 ? Object.fromEntries(entries) : { 'Fn::ForEach': { Type: '', unknownReason } };
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
