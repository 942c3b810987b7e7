// The resources that a set of templates declares, with properties evaluated, found by type.
import { isUnknownValue, type UnknownValue } from '../snapshot.ts';
import { evaluate, zonePrefix } from './evaluate.ts';
import { isRecord, type Template } from './parse-template.ts';
import { referencesIn } from './references.ts';
import { Scope, type TemplateOptions } from './scope.ts';

export type Properties = Record<string, unknown>;

export interface Resource {
  id: string;
  type: string;
  properties: Properties;
  /** The resources that its properties refer to in any way, by id. */
  refers: ReadonlySet<string>;
  /** Set where a condition that can't be known decides whether the resource exists. */
  unknownReason?: UnknownValue;
}

/** Every resource that exists or may exist; one whose condition is false is left out. */
export function readResources(templates: Template[], options: TemplateOptions): Resource[] {
  return withZonesApart(openScopes(templates, options).flatMap(readScope));
}

/** The values of all outputs: what other stacks may get to know. */
export function readOutputs(templates: Template[], options: TemplateOptions): unknown[] {
  return openScopes(templates, options).flatMap((scope) =>
    Object.values(scope.template.Outputs).map(({ Value }) => evaluate(Value, scope)),
  );
}

function openScopes(templates: Template[], options: TemplateOptions): Scope[] {
  const exports = new Map<string, () => unknown>();
  const ids = templates.flatMap(({ Resources }) => Object.keys(Resources));
  const shared = new Set(ids.filter((id, index) => ids.indexOf(id) !== index));
  const scopes = templates.map((template) => new Scope(template, options, exports, shared));
  for (const scope of scopes) gatherExports(scope, exports);
  return scopes;
}

function gatherExports(scope: Scope, exports: Map<string, () => unknown>): void {
  for (const output of Object.values(scope.template.Outputs)) {
    const name = evaluate(output.Export?.Name, scope);
    if (typeof name === 'string') exports.set(name, () => evaluate(output.Value, scope));
  }
}

function readScope(scope: Scope): Resource[] {
  return Object.entries(scope.template.Resources).flatMap(([id, resource]) => {
    const exists = resource.Condition === undefined ? true : scope.condition(resource.Condition);
    if (exists === false) return [];
    const refers = new Set([...referencesIn(scope.declared(id))].map((name) => scope.idOf(name)));
    const read = {
      id: scope.idOf(id),
      type: String(resource.Type),
      properties: scope.properties(id),
      refers,
    };
    return [isUnknownValue(exists) ? { ...read, unknownReason: exists } : read];
  });
}

/** The region's first zone may be the one that another subnet names: then neither count is certain. */
function withZonesApart(resources: Resource[]): Resource[] {
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
