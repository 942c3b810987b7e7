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
  /** The ids of the resources to which its properties refer in any way. */
  refers: ReadonlySet<string>;
  /** The same without groups that it only attaches to itself. It may do anything with the resources that are left. */
  handed?: ReadonlySet<string>;
  /** The resources whose name or ARN it gets. */
  named?: ReadonlySet<string>;
  /** Set where a condition that can't be known decides whether the resource exists. */
  unknownReason?: UnknownValue;
  /** The file that declares it. */
  file?: string;
  logicalId?: string;
  /** Whether it is a nested stack with a given template, so that its resources are in the same list. */
  opened?: boolean;
}

/** Every resource that exists or may exist. Resources whose condition is false are left out. */
export function readResources(templates: Template[], options: TemplateOptions): Resource[] {
  return resourcesOf(openSystem(templates, options));
}

export function resourcesOf(stacks: Scope[]): Resource[] {
  return withZonesApart(stacks.flatMap(readScope));
}

/** The values of all outputs, which other stacks may read. */
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

/** True, false or unknown. A nested stack exists if its parent exists and its condition is true. */
function existenceOf({ place }: Scope): unknown {
  if (place === undefined) return true;
  const { parent, id } = place;
  const { Condition: condition, unknownReason } = parent.resources[id] ?? {};
  const own = unknownReason ?? (condition === undefined ? true : parent.condition(condition));
  const above = existenceOf(parent);
  if (own === false || above === false) return false;
  return [own, above].find(isUnknownValue) ?? true;
}

/**
 * References that a resource may use for anything. For an instance these are in its start-up script and not in its
 * groups.
 */
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

/** Properties that do nothing: labels, and policies, which only grant. */
function isIdle(key: string): boolean {
  return /^(Tags|TagList|Description|GroupDescription|PolicyDocument|AssumeRolePolicyDocument|Policies)$/.test(
    key,
  );
}

function idsOf(references: Reference[]): Set<string> {
  return new Set(references.map(({ id }) => id));
}

/** Makes zones by number unknown if others are given by name: the first zone of a region may be one of those names. */
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

/** The property that the template itself has. If a macro writes the properties, all exist and are unknown. */
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

/** A value as a list: one value is a list of one, an absent value is an empty list, and an unknown value stays. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.flat() : [value];
}

/** The name if it is given and known, else the id: an unknown name matters to nobody. */
export function nameOf(value: unknown, id: string): unknown {
  return value === undefined || isUnknownValue(value) ? id : value;
}

/** The records of a list. Unknown items stay in it. */
export function recordsOf(value: unknown): Properties[] {
  return listOf(value).filter(isRecord);
}

/** CloudFormation accepts `"2"` for 2. */
export function numberOf(value: unknown, otherwise?: number): unknown {
  if (value === undefined) return otherwise;
  return typeof value === 'string' ? Number(value) : value;
}

export function booleanOf(value: unknown): unknown {
  if (value === undefined) return false;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : value;
}

export interface Reference {
  /** Unique among all stacks. */
  id: string;
  /** The attribute that `Fn::GetAtt` asks for; undefined for `Ref`. */
  attribute?: string;
}

/** Keys whose contents are skipped, such as those that are read elsewhere. */
export type LeaveOut = (key: string, within: Record<string, unknown>) => boolean;

/**
 * Returns each reference of an expression, by `id` and attribute. If a condition is known, only its branch is followed.
 */
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
