// Makes values from the schemas of an OpenAPI document: valid ones, and valid ones with one faulty member.
import fc, { type Arbitrary } from 'fast-check';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
}
export type Schemas = Record<string, Schema>;

/** @param known by member name: values that have a meaning in the shop */
export function valueFrom(
  schema: Schema,
  schemas: Schemas,
  known: Record<string, unknown[]>,
  name = '',
): Arbitrary<unknown> {
  if (schema.$ref) return valueFrom(schemas[schema.$ref.split('/').at(-1)!]!, schemas, known, name);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => valueFrom(one, schemas, known, name)));
  if (schema.properties) return objectOf(schema, schemas, known);
  const type = [schema.type ?? 'string'].flat()[0];
  if (known[name]) return fc.constantFrom(...known[name]);
  if (type === 'array') return fc.array(valueFrom(schema.items ?? {}, schemas, known), { maxLength: 3 });
  if (type === 'integer' || type === 'number')
    return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 100, 100) });
  if (type === 'boolean') return fc.boolean();
  if (schema.format === 'email') return fc.constantFrom('fuzz@example.com', 'a.b+c@example.org');
  const minLength = schema.minLength ?? 0;
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(schema.maxLength ?? 40, 40)) });
}

function objectOf(schema: Schema, schemas: Schemas, known: Record<string, unknown[]>): Arbitrary<unknown> {
  const members = Object.entries(schema.properties!).map(
    ([name, member]) => [name, valueFrom(member, schemas, known, name)] as const,
  );
  return fc.record(Object.fromEntries(members), { requiredKeys: schema.required ?? [] });
}

/** Texts that cause trouble to Postgres, JSON or people, numbers out of range, and values of other types. */
export const nonsense: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    '\0',
    'a\0b',
    '\ud800',
    'a\udc00b',
    '￿',
    '',
    ' ',
    '9'.repeat(40),
    "'; drop table products; --",
  ),
  fc.constantFrom<unknown>(-1, 0.5, 1e308, 2 ** 31, 2 ** 53, null, true, [], {}, [[]], { a: { b: {} } }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.jsonValue(),
);

/** @returns the value with one member, at any depth, replaced, added or removed */
export function spoil(value: unknown): Arbitrary<unknown> {
  const paths = pathsOf(value);
  return fc
    .tuple(fc.constantFrom(...paths), nonsense, fc.constantFrom('replace', 'add', 'remove'))
    .map(([path, wrong, how]) => spoilAt(value, path, wrong, how));
}

function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, member]) => pathsOf(member, [...path, name]))];
}

function spoilAt(value: unknown, [name, ...rest]: string[], wrong: unknown, how: string): unknown {
  if (name === undefined) {
    const canAdd = how === 'add' && typeof value === 'object' && value !== null && !Array.isArray(value);
    return canAdd ? { ...value, unheardOf: wrong } : wrong;
  }
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  if (how === 'remove' && rest.length === 0) delete copy[name];
  else copy[name] = spoilAt(copy[name], rest, wrong, how);
  return copy;
}
