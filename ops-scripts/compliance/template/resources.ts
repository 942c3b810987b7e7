// The resources that a set of templates declares, with properties evaluated, found by type or by who refers to them.
import { isUnknownValue, type UnknownValue } from '../snapshot.ts';
import { isRecord, type Template, zonePrefix } from './parse-template.ts';
import { handsOn, isOwnGroupProperty } from './resource-facts.ts';
import type { Expression, Scope, TemplateOptions } from './scope.ts';
import { openSystem } from './system.ts';

export type Properties = Record<string, unknown>;

export interface Resource {
  id: string;
  type: string;
  properties: Properties;
  /** The resources that its properties refer to in any way, by id. */
  refers: ReadonlySet<string>;
  /** The same without what it only attaches to itself: it may do anything with these. */
  handed?: ReadonlySet<string>;
  /** The resources whose name or ARN it gets. */
  named?: ReadonlySet<string>;
  /** Set where a condition that can't be known decides whether the resource exists. */
  unknownReason?: UnknownValue;
  /** Where it is declared. */
  file?: string;
  logicalId?: string;
  /** A nested stack whose template is given, so that its resources are among the others. */
  opened?: boolean;
}

/** Every resource that exists or may exist; one whose condition is false is left out. */
export function readResources(templates: Template[], options: TemplateOptions): Resource[] {
  return resourcesOf(openSystem(templates, options));
}

export function resourcesOf(stacks: Scope[]): Resource[] {
  return withZonesApart(stacks.flatMap(readScope));
}

/** The values of all outputs: what other stacks may get to know. */
export function outputsOf(stacks: Scope[]): unknown[] {
  return stacks.flatMap((scope) =>
    Object.values(scope.template.Outputs).map((output) =>
      isRecord(output) ? scope.evaluate(output.Value) : undefined,
    ),
  );
}

function readScope(scope: Scope): Resource[] {
  const stackExists = existenceOf(scope);
  if (stackExists === false) return [];
  return Object.entries(scope.resources).flatMap(([id, resource]) => {
    const own = resource.Condition === undefined ? true : scope.condition(resource.Condition);
    if (own === false) return [];
    const unknownReason = [resource.unknownReason, stackExists, own].find(isUnknownValue);
    const references = referencesIn(scope.declared(id), scope, (key) => key === 'SourceSecurityGroups');
    const read = {
      id: scope.idOf(id),
      type: String(resource.Type),
      properties: scope.properties(id),
      refers: idsOf(references),
      handed: idsOf(handedTo(scope, id)),
      named: idsOf(
        references.filter(({ attribute }) => attribute === undefined || /Arn$|Id$|^ARN$/.test(attribute)),
      ),
      file: scope.template.file,
      logicalId: id,
      opened: scope.children.has(id),
    };
    return [unknownReason === undefined ? read : { ...read, unknownReason }];
  });
}

/** True, false or unknown: a nested stack is there where its parent is and the condition on it holds. */
function existenceOf({ place }: Scope): unknown {
  if (place === undefined) return true;
  const { parent, id } = place;
  const { Condition: condition, unknownReason } = parent.resources[id] ?? {};
  const own = unknownReason ?? (condition === undefined ? true : parent.condition(condition));
  const above = existenceOf(parent);
  if (own === false || above === false) return false;
  return [own, above].find(isUnknownValue) ?? true;
}

/** A machine does what its start-up script says, whose text does not stand among its groups. */
function handedTo(scope: Scope, id: string): Reference[] {
  const { Type = '', Metadata: metadata } = scope.resources[id] ?? {};
  const declared = scope.declared(id);
  const launches = /^AWS::(EC2::(Instance|LaunchTemplate)|AutoScaling::LaunchConfiguration)$/.test(Type);
  const starts = [metadata?.['AWS::CloudFormation::Init']];
  if (launches && isRecord(declared)) {
    const data = declared['LaunchTemplateData'];
    starts.push(declared['UserData'], isRecord(data) ? data['UserData'] : undefined);
  }
  return [
    ...referencesIn(starts, scope),
    ...(launches
      ? []
      : referencesIn(
          declared,
          scope,
          (key, within) => (!handsOn.test(Type) && isOwnGroupProperty(key, within)) || isIdle(key),
        )),
  ];
}

/** What does nothing: labels, and policies that grant and do not act. */
function isIdle(key: string): boolean {
  return /^(Tags|TagList|Description|GroupDescription|PolicyDocument|AssumeRolePolicyDocument|Policies)$/.test(
    key,
  );
}

function idsOf(references: Reference[]): Set<string> {
  return new Set(references.map(({ id }) => id));
}

/** The region's first zone may be the one that another subnet names: then neither count is certain. */
export function withZonesApart(resources: Resource[]): Resource[] {
  const zones = resources.map((resource) => ownValue(resource, 'AvailabilityZone'));
  const numbered = zones.some((zone) => typeof zone === 'string' && zone.startsWith(zonePrefix));
  const named = zones.some((zone) => typeof zone === 'string' && !zone.startsWith(zonePrefix));
  const byId = resources.some((resource) => ownValue(resource, 'AvailabilityZoneId') !== undefined);
  if (byId && (numbered || named)) {
    const $unknown = 'zones that are given by id may be the same as zones that are named elsewhere';
    return replaceZones(resources, 'AvailabilityZoneId', () => true, { $unknown });
  }
  if (!numbered || !named) return resources;
  const $unknown = 'zones taken by number from GetAZs may be the same as zones that are named elsewhere';
  return replaceZones(resources, 'AvailabilityZone', (zone) => String(zone).startsWith(zonePrefix), {
    $unknown,
  });
}

/** What the template itself says: properties that a macro writes are all there and unknown. */
function ownValue({ properties }: Resource, name: string): unknown {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function replaceZones(
  resources: Resource[],
  name: string,
  isMeant: (zone: unknown) => boolean,
  unknown: UnknownValue,
): Resource[] {
  return resources.map((resource) =>
    ownValue(resource, name) !== undefined && isMeant(ownValue(resource, name))
      ? { ...resource, properties: { ...resource.properties, [name]: unknown } }
      : resource,
  );
}

/** A list: one value counts as a list of one, absence as none, an unknown stays. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.flat() : [value];
}

/** A name as it is given; one that cannot be known yet matters to nobody: the resource is told by its id then. */
export function nameOf(value: unknown, id: string): unknown {
  return value === undefined || isUnknownValue(value) ? id : value;
}

/** The records of a list; what can't be known stays in it as it is. */
export function recordsOf(value: unknown): Properties[] {
  return listOf(value).filter(isRecord);
}

/** `"2"` and 2 are one number to CloudFormation. */
export function numberOf(value: unknown, otherwise?: number): unknown {
  if (value === undefined) return otherwise;
  return typeof value === 'string' ? Number(value) : value;
}

export function booleanOf(value: unknown): unknown {
  if (value === undefined) return false;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : value;
}

export interface Reference {
  /** Among those of all stacks. */
  id: string;
  /** What `Fn::GetAtt` asks for; undefined for `Ref`. */
  attribute?: string;
}

/** Keys whose contents are left out, such as those that are read elsewhere. */
export type LeaveOut = (key: string, within: Record<string, unknown>) => boolean;

/** Each reference of an expression, by `id` and attribute. Branches whose condition is known lead one way only. */
export function referencesIn(value: unknown, scope: Scope, leaveOut: LeaveOut = () => false): Reference[] {
  const found = new Map<string, Reference>();
  new Gatherer(found, leaveOut).gather(value, scope);
  return [...found.values()];
}

class Gatherer {
  readonly #found: Map<string, Reference>;
  readonly #leaveOut: LeaveOut;
  readonly #followed = new Set<string>();

  constructor(found: Map<string, Reference>, leaveOut: LeaveOut) {
    this.#found = found;
    this.#leaveOut = leaveOut;
  }

  gather(value: unknown, scope: Scope): void {
    if (typeof value === 'string') this.#dynamic(value, scope);
    if (Array.isArray(value)) for (const item of value) this.gather(item, scope);
    if (!isRecord(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (this.#leaveOut(key, value)) continue;
      if (key === 'Ref') this.#ref(String(inner), scope);
      else if (key === 'Fn::GetAtt') this.#attribute(inner, scope);
      else if (key === 'Fn::Sub') this.#text(Array.isArray(inner) ? inner : [inner], scope);
      else if (key === 'Fn::ImportValue') this.#import(inner, scope);
      if (key === 'Fn::If') this.#branches(inner, scope);
      else this.gather(inner, scope);
    }
  }

  #branches(argument: unknown, scope: Scope): void {
    if (!Array.isArray(argument)) return;
    const [name, then, otherwise] = argument;
    const holds = scope.condition(String(name));
    if (holds !== false) this.gather(then, scope);
    if (isUnknownValue(holds) || holds === false) this.gather(otherwise, scope);
  }

  #ref(name: string, scope: Scope): void {
    if (name.startsWith('AWS::')) return;
    const parameter = scope.template.Parameters[name];
    if (parameter === undefined) {
      this.#add({ id: scope.idOf(name) });
      return;
    }
    const passed = scope.passed(name);
    this.#follow(`${scope.label}|${name}`, passed ?? { scope, value: parameter['Default'] });
    if (String(parameter['Type']).startsWith('AWS::SSM::')) this.#stored(parameter['Default'], scope);
  }

  #attribute(argument: unknown, scope: Scope): void {
    const [id = '', ...path] = (Array.isArray(argument) ? argument : String(argument).split('.')).map(String);
    const attribute = path.join('.');
    const output = attribute.startsWith('Outputs.') ? scope.outputOf(id, attribute.slice(8)) : undefined;
    if (output !== undefined) this.#follow(`${scope.label}|${id}.${attribute}`, output);
    else this.#add({ id: scope.idOf(id), attribute });
  }

  #text([text, variables]: unknown[], scope: Scope): void {
    for (const [, name = ''] of String(text).matchAll(/\$\{([^!}][^}]*)\}/g)) {
      const trimmed = name.trim();
      if (isRecord(variables) && Object.hasOwn(variables, trimmed)) continue;
      if (trimmed.includes('.')) this.#attribute(trimmed, scope);
      else this.#ref(trimmed, scope);
    }
  }

  #import(argument: unknown, scope: Scope): void {
    const name = scope.evaluate(argument);
    if (typeof name === 'string') this.#follow(`export ${name}`, scope.system.exports.get(name));
  }

  #dynamic(text: string, scope: Scope): void {
    for (const [, name] of text.matchAll(/\{\{resolve:ssm:([^}]+)\}\}/g)) this.#stored(name, scope);
  }

  #stored(name: unknown, scope: Scope): void {
    if (typeof name === 'string') this.#follow(`stored ${name}`, scope.storedAt(name));
  }

  #follow(what: string, expression: Expression | undefined): void {
    if (expression === undefined || this.#followed.has(what)) return;
    this.#followed.add(what);
    this.gather(expression.value, expression.scope);
  }

  #add(reference: Reference): void {
    this.#found.set(`${reference.id}.${reference.attribute ?? ''}`, reference);
  }
}
