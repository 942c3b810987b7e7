// Writes plans like those of `terraform show -json`, from short descriptions in which `ref` marks unknown values.

/** A value that is known only after the apply, with the references of its expression. */
export class Reference {
  readonly names: string[];

  constructor(names: string[]) {
    this.names = names;
  }
}

export const ref = (...names: string[]) => new Reference(names);

export type Arguments = Record<string, unknown>;

/** One resource, or the instances of `count` or of `for_each`. */
export type Described = Arguments | Arguments[] | { each: Record<string, Arguments>; forEach?: Reference };

export interface ModuleDescription {
  /** By `type.name`. */
  resources: Record<string, Described>;
  modules?: Record<string, ModuleDescription & { inputs?: Arguments }>;
  outputs?: Record<string, unknown>;
  /** Variables with their defaults. */
  variables?: Record<string, unknown>;
}

type Json = Record<string, unknown>;

/** Writes a plan that creates all of it. */
export function planOf(description: ModuleDescription, more: Json = {}): Json {
  const changes: Json[] = [];
  const root = writeModule(description, '', changes);
  return {
    format_version: '1.2',
    terraform_version: '1.9.8',
    planned_values: { root_module: { resources: [] } },
    resource_changes: changes,
    configuration: {
      provider_config: {
        aws: { name: 'aws', expressions: { region: { constant_value: 'eu-west-1' } } },
      },
      root_module: root,
    },
    ...more,
  };
}

function writeModule(description: ModuleDescription, path: string, changes: Json[]): Json {
  const prefix = path === '' ? '' : `${path}.`;
  const resources = Object.entries(description.resources).map(([name, described]) => {
    const [type = '', own = ''] = name.split('.');
    const instances = instancesOf(described);
    for (const [key, given] of instances) {
      const { after, unknown } = split(given);
      const index = key === undefined ? {} : { index: key };
      changes.push({
        address: `${prefix}${name}${key === undefined ? '' : `[${JSON.stringify(key)}]`}`,
        ...(path === '' ? {} : { module_address: path }),
        mode: 'managed',
        type,
        name: own,
        ...index,
        change: {
          actions: ['create'],
          before: null,
          after,
          after_unknown: { ...(unknown as Json), id: true, arn: true },
        },
      });
    }
    const expressions = instances.length === 0 ? {} : split(instances[0]![1]).expression;
    const forEach = 'each' in described ? (described['forEach'] as Reference | undefined) : undefined;
    return {
      address: name,
      mode: 'managed',
      type,
      name: own,
      expressions,
      ...(forEach === undefined ? {} : { for_each_expression: split(forEach).expression }),
    };
  });
  const calls = Object.entries(description.modules ?? {}).map(([name, module]) => [
    name,
    {
      expressions: Object.fromEntries(
        Object.entries(module.inputs ?? {}).map(([input, value]) => [input, split(value).expression]),
      ),
      module: writeModule(module, `${prefix}module.${name}`, changes),
    },
  ]);
  const outputs = Object.entries(description.outputs ?? {}).map(([name, value]) => [
    name,
    { expression: split(value).expression },
  ]);
  const variables = Object.entries(description.variables ?? {}).map(([name, value]) => [
    name,
    { default: value },
  ]);
  return {
    resources,
    module_calls: Object.fromEntries(calls),
    outputs: Object.fromEntries(outputs),
    variables: Object.fromEntries(variables),
  };
}

function instancesOf(described: Described): [string | number | undefined, Arguments][] {
  if (Array.isArray(described)) return described.map((given, index) => [index, given]);
  if ('each' in described) return Object.entries(described['each'] as Record<string, Arguments>);
  return [[undefined, described]];
}

interface Parts {
  after: unknown;
  unknown: unknown;
  expression: unknown;
}

/** Splits a value as the provider plans it: if one item of a set is unknown, the whole set is. */
function split(value: unknown): Parts {
  if (value instanceof Reference)
    return {
      after: undefined,
      unknown: true,
      expression: { references: value.names.flatMap(withBeginnings) },
    };
  if (Array.isArray(value)) {
    const names = value.flatMap((item) => (item instanceof Reference ? item.names : []));
    const expression = { references: names.flatMap(withBeginnings) };
    const bare = value.some((item) => item instanceof Reference && item.names.length === 0);
    // Newer resources of the provider tell which items are unknown.
    if (bare)
      return {
        after: value.filter((item) => !(item instanceof Reference)),
        unknown: value.map((item) => item instanceof Reference),
        expression,
      };
    if (names.length > 0) return { after: undefined, unknown: true, expression };
    if (value.some((item) => typeof item !== 'object')) return constant(value);
    const parts = value.map(split);
    return {
      after: parts.map(({ after }) => after),
      unknown: parts.map(({ unknown }) => unknown),
      expression: parts.map(({ expression }) => expression),
    };
  }
  if (typeof value !== 'object' || value === null) return constant(value);
  const parts = Object.entries(value).map(([name, inner]) => [name, split(inner)] as const);
  const take = (read: (part: Parts) => unknown) =>
    Object.fromEntries(
      parts.map(([name, part]) => [name, read(part)] as const).filter(([, each]) => each !== undefined),
    );
  return {
    after: take(({ after }) => after),
    unknown: take(({ unknown }) => (unknown === false ? undefined : unknown)),
    expression: take(({ expression }) => expression),
  };
}

function constant(value: unknown): Parts {
  return { after: value, unknown: false, expression: { constant_value: value } };
}

/** Terraform lists each reference with all of its prefixes that name something. */
function withBeginnings(name: string): string[] {
  const steps = name.match(/\[[^\]]*\]|[^.[\]]+/g) ?? [];
  const beginnings: string[] = [];
  for (let length = steps.length; length >= 2; length -= 1)
    beginnings.push(
      steps
        .slice(0, length)
        .map((step, index) => (index === 0 || step.startsWith('[') ? step : `.${step}`))
        .join(''),
    );
  return beginnings;
}
