// Derives the JSON Schemas in `fixtures/` from the published definitions: names, types and bounds, without their prose.
// For another version, run it on checkouts of github.com/ocsf/ocsf-schema and github.com/oasis-tcs/sarif-spec:
// `node test/compliance/report/extract-schemas.ts ocsf-schema sarif-spec/sarif-2.1/schema/sarif-schema-2.1.0.json`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Schema = Record<string, unknown>;

/** An attribute of an OCSF class or object, together with the dictionary's entry for its name. */
interface Attribute {
  type?: string;
  is_array?: boolean;
  requirement?: string;
  /** Null: it belongs to no profile, although one declares it. */
  profile?: string | null;
  enum?: Record<string, { caption?: string }>;
  /** The attribute with the caption of this number. */
  sibling?: string;
  '@deprecated'?: object;
}
type Attributes = Record<string, Attribute>;

/** A class, an object, a profile or a file of attributes to include. */
interface Definition {
  uid: number;
  caption: string;
  name: string;
  extends?: string;
  meta?: 'profile';
  attributes: Attributes & { $include?: string[] };
  constraints?: { at_least_one?: string[] };
}

interface Dictionary {
  attributes: Attributes;
  types: { attributes: Record<string, { type?: string; regex?: string; max_len?: number }> };
}

/** The profiles that the tool's events name. */
const profiles = ['cloud'];
/** The objects in the tool's events. Any other is refused until it is listed here. */
const objects = [
  ...['account', 'cloud', 'compliance', 'finding_info', 'metadata'],
  ...['product', 'remediation', 'resource_details'],
];
const jsonTypes: Record<string, string> = {
  boolean_t: 'boolean',
  float_t: 'number',
  integer_t: 'integer',
  long_t: 'integer',
  string_t: 'string',
};

/** Compiles a class as OCSF's own server does: inheritance, includes, profiles, dictionary. */
class OcsfRepository {
  private readonly folder: string;
  private readonly dictionary: Dictionary;

  constructor(folder: string) {
    this.folder = folder;
    this.dictionary = this.read<Dictionary>('dictionary');
  }

  schema(): Schema {
    const { version } = this.read<{ version: string }>('version');
    const path = 'events/findings/compliance_finding';
    const { uid, caption } = this.read<Definition>(path);
    const category = this.read<{ attributes: Record<string, Definition> }>('categories').attributes[
      'findings'
    ]!;
    const classUid = category.uid * 1000 + uid;
    const activities = Object.keys(this.attributesOf(path)['activity_id']!.enum!).map(Number);
    const fixed = {
      class_uid: { const: classUid },
      class_name: { const: caption },
      category_uid: { const: category.uid },
      category_name: { const: category.caption },
    };
    // The type of an event combines its class and its activity in one number.
    const types = activities.map((activity) =>
      when('activity_id', activity, { type_uid: { const: classUid * 100 + activity } }),
    );
    const named = { type: 'array', items: { enum: profiles }, minItems: profiles.length };
    const held = objects.map((name) => {
      const own: Record<string, Schema> = { version: { const: version }, profiles: named };
      return [name, this.compile(`objects/${name}`, name === 'metadata' ? own : {})];
    });
    return {
      $comment: `OCSF ${version}, github.com/ocsf/ocsf-schema: ${caption} with the profile ${profiles}`,
      type: 'array',
      items: { $ref: '#/definitions/event' },
      definitions: { event: this.compile(path, fixed, types), ...Object.fromEntries(held) },
    };
  }

  private read<T>(path: string): T {
    return JSON.parse(readFileSync(join(this.folder, `${path}.json`), 'utf8')) as T;
  }

  /** The definition that this one extends; undefined for the base of all. */
  private baseOf(path: string): string | undefined {
    const { extends: base, name } = this.read<Definition>(path);
    if (base === undefined || base === name) return undefined;
    if (path.startsWith('objects/')) return `objects/${base}`;
    return base === 'base_event' ? 'events/base_event' : `events/findings/${base}`;
  }

  private attributesOf(path: string): Attributes {
    const base = this.baseOf(path);
    const { $include = [], ...own } = this.read<Definition>(path).attributes;
    const included = $include.map((file) => {
      const { attributes, meta, name } = this.read<Definition>(file.replace(/\.json$/, ''));
      const profile = meta === 'profile' ? { profile: name } : {};
      return Object.fromEntries(
        Object.entries(attributes).map(([key, one]) => [key, { ...one, ...profile }]),
      );
    });
    return [...included, own as Attributes].reduce(merge, base === undefined ? {} : this.attributesOf(base));
  }

  private compile(path: string, fixed: Record<string, Schema>, rules: Schema[] = []): Schema {
    const own = this.attributesOf(path);
    const attributes = Object.entries(merge(pick(this.dictionary.attributes, Object.keys(own)), own)).filter(
      ([, one]) =>
        one['@deprecated'] === undefined && (one.profile == null || profiles.includes(one.profile)),
    );
    const required = attributes.filter(([, { requirement }]) => requirement === 'required');
    const all = [
      ...attributes.flatMap(([name, one]) => captionsOf(name, one)),
      ...this.atLeastOne(path),
      ...rules,
    ];
    return {
      type: 'object',
      additionalProperties: false,
      required: required.map(([name]) => name),
      properties: Object.fromEntries(
        attributes.map(([name, one]) => [name, fixed[name] ?? this.typeOf(one)]),
      ),
      ...(all.length > 0 ? { allOf: all } : {}),
    };
  }

  private typeOf({ type = 'string_t', is_array, enum: values = {} }: Attribute): Schema {
    const members = Object.keys(values).map((key) => (type === 'string_t' ? key : Number(key)));
    const one: Schema =
      members.length > 0 ? { enum: members } : type.endsWith('_t') ? this.scalarOf(type) : objectOf(type);
    return is_array ? { type: 'array', items: one } : one;
  }

  private scalarOf(type: string): Schema {
    const { type: base, regex, max_len } = this.dictionary.types.attributes[type]!;
    return {
      ...(base === undefined ? { type: jsonTypes[type] } : this.scalarOf(base)),
      ...(regex === undefined ? {} : { pattern: regex }),
      ...(max_len === undefined ? {} : { maxLength: max_len }),
    };
  }

  private atLeastOne(path: string): Schema[] {
    const base = this.baseOf(path);
    const { constraints = {} } = this.read<Definition>(path);
    const any = (constraints.at_least_one ?? []).map((name) => ({ required: [name] }));
    return [
      ...(any.length > 0 ? [{ anyOf: any }] : []),
      ...(base === undefined ? [] : this.atLeastOne(base)),
    ];
  }
}

function objectOf(type: string): Schema {
  return objects.includes(type) ? { $ref: `#/definitions/${type}` } : { not: {} };
}

/** The text beside a number is the caption of that number, unless the number means "other". */
function captionsOf(name: string, { sibling, enum: values = {} }: Attribute): Schema[] {
  if (sibling === undefined) return [];
  return Object.entries(values).flatMap(([key, { caption }]) =>
    key === '99' || caption === undefined ? [] : [when(name, Number(key), { [sibling]: { const: caption } })],
  );
}

function when(name: string, value: number, properties: Schema): Schema {
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { if: { required: [name], properties: { [name]: { const: value } } }, then: { properties } };
}

/** Adds a definition's attributes to those of its base. The members of an enum are merged. */
function merge(before: Attributes, own: Attributes): Attributes {
  const merged = { ...before };
  for (const [name, one] of Object.entries(own)) {
    const values = { ...merged[name]?.enum, ...one.enum };
    merged[name] = { ...merged[name], ...one, ...(Object.keys(values).length > 0 ? { enum: values } : {}) };
  }
  return merged;
}

function pick(attributes: Attributes, names: string[]): Attributes {
  return Object.fromEntries(names.map((name) => [name, attributes[name]!]));
}

/** The published schema without its prose. */
function extractSarif(published: Schema): Schema {
  const { id, $schema: _draft, ...log } = published;
  return { $comment: `SARIF 2.1.0, github.com/oasis-tcs/sarif-spec: ${id}`, ...(bare(log) as Schema) };
}

/** The same schema without titles and descriptions. A property with such a name stays. */
function bare(schema: unknown, areNames = false): unknown {
  if (Array.isArray(schema)) return schema.map((each) => bare(each));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => areNames || (key !== 'description' && key !== 'title'))
      .map(([key, value]) => [
        key,
        bare(value, !areNames && (key === 'properties' || key === 'definitions')),
      ]),
  );
}

/** Writes one definition on each line, so that a change of version is easy to compare. */
function write(name: string, { definitions, ...rest }: Schema): void {
  const lines = Object.entries(definitions as Schema).map(
    ([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  const head = JSON.stringify(rest, null, 2).slice(0, -2);
  const text = `${head},\n  "definitions": {\n${lines.join(',\n')}\n  }\n}\n`;
  writeFileSync(join(import.meta.dirname, `fixtures/${name}.json`), text);
}

const [ocsfFolder, sarifFile] = process.argv.slice(2);
if (ocsfFolder === undefined || sarifFile === undefined)
  throw new Error("Cannot start without the folder of OCSF's repository and the file of SARIF's schema");
write('ocsf-1.3.0', new OcsfRepository(ocsfFolder).schema());
write('sarif-2.1.0', extractSarif(JSON.parse(readFileSync(sarifFile, 'utf8')) as Schema));
