// Follows references through variables, outputs and modules to the resources of a plan that they name.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import {
  type Expressions,
  type Plan,
  type PlanInstance,
  readTraversal,
  wholeReferences,
} from './parse-plan.ts';
import { baseOf, depthLimit, Handle, type PathStep, PlanIndex, type Standpoint } from './plan-index.ts';

/** Each item is a Handle, a plain value or an unknown value. */
type Resolved = unknown[] | UnknownValue;

/**
 * How many values an argument takes: one, a known number of unknown values, a set of any size, or at least two subnets.
 * The number can prove how references are combined, which a plan does not show.
 */
export type Shape = 'one' | 'set' | 'two-subnets' | number;

/**
 * How to read a set with several references: as a list of `all`, which is how people write it; as `unknown`; or for
 * each argument as a choice of the reference at that position. An argument that is not in the map is read as a list of
 * all.
 */
export type Reading = 'all' | 'unknown' | ReadonlyMap<string, number>;

/** Reads an argument of another resource for a reference to an attribute that does not identify the resource. */
export type ReadArgument = (instance: PlanInstance, path: PathStep[]) => unknown;

/** Attributes that identify the resource. */
const identifying = new Set([
  'id',
  'arn',
  'name',
  'key',
  'identifier',
  'cluster_identifier',
  'replication_group_id',
  'user_group_id',
  'user_id',
  'security_group_id',
  'default_network_acl_id',
  'default_route_table_id',
]);

export class References extends PlanIndex {
  readonly #readArgument: ReadArgument;
  readonly #reading: Reading;
  /** The sets that were read by `Reading`, each with its number of items. */
  readonly assumed = new Map<string, number>();
  #depth = 0;

  constructor(plan: Plan, readArgument: ReadArgument, reading: Reading) {
    super(plan);
    this.#readArgument = readArgument;
    this.#reading = reading;
  }

  /**
   * Returns the values that an expression has after the apply. A plan lists the references of an expression but not how
   * it combines them. Only references that can't be a choice are taken as they are: see `#join`.
   */
  resolve(expression: Expressions, at: Standpoint, what: string, shape: Shape = 'set'): Resolved {
    if (this.#depth >= depthLimit) return unknownValue(`${what} refers to itself`);
    this.#depth += 1;
    try {
      return this.#resolve(expression, at, what, shape);
    } finally {
      this.#depth -= 1;
    }
  }

  #resolve(expression: Expressions, at: Standpoint, what: string, shape: Shape): Resolved {
    if (!isRecord(expression)) return unknownValue(`${what} is known only after the apply`);
    if ('constant_value' in expression) return [expression['constant_value']].flat();
    const leaves = wholeReferences(expression['references']);
    if (leaves.length === 0) return unknownValue(`${what} is known only after the apply`);
    const indexed = this.#byOwnKey(leaves, at);
    if (indexed !== undefined) return indexed;
    if (new Set(leaves).size < leaves.length)
      return unknownValue(
        `${what} refers to ${leaves[0]} more than once, in a way that a plan does not tell`,
      );
    const found = leaves.map((leaf) => this.#follow(readTraversal(leaf), at, what));
    const unknown = found.find(isUnknownValue);
    if (unknown !== undefined) return unknown;
    return this.#join(leaves, found as unknown[][], at, { what, shape });
  }

  /**
   * Combines the items to which several references lead. A single item is taken as it is. Several are a list of all if
   * as many values are unknown as there are items. For a set it must be certain that each reference exists: a choice
   * between such resources (`coalesce`, `try`) would have no purpose. In any other case the result is unknown.
   */
  #join(
    leaves: string[],
    found: unknown[][],
    at: Standpoint,
    { what, shape }: { what: string; shape: Shape },
  ): Resolved {
    const items = found.flat();
    if (items.length < 2) return items;
    if (shape === items.length && items.every((item) => item instanceof Handle)) return items;
    const isPlain = leaves.length === 1 || this.#areSure(leaves, at);
    if (!isPlain)
      return unknownValue(`${what} is made of ${leaves.join(', ')} in a way that a plan does not tell`);
    if (shape !== 'set') return items;
    this.assumed.set(what, Math.max(items.length, this.assumed.get(what) ?? 0));
    if (this.#reading === 'unknown')
      return unknownValue(
        `${what} refers to ${leaves.join(', ')}, which may be a list of all or a choice between them`,
      );
    const taken = this.#reading === 'all' ? undefined : this.#reading.get(what);
    return taken === undefined ? items : [items[Math.min(taken, items.length - 1)]];
  }

  /** Whether each reference leads to another resource that certainly exists. */
  #areSure(leaves: string[], at: Standpoint): boolean {
    const bases = leaves.map((leaf) => this.#sureBase(readTraversal(leaf), at.module));
    // Instances of one `count` or `for_each` exist all or none. Beside another resource, such an instance may be the
    // preferred choice.
    const isKeyed = (base: string | undefined) => base?.endsWith('[]') === true;
    return bases.every((base) => base !== undefined) && (!bases.some(isKeyed) || new Set(bases).size === 1);
  }

  /** The address of the resource, without its key; undefined where it may not exist. */
  #sureBase(steps: PathStep[], module: string): string | undefined {
    if (steps[0] === 'module') {
      const { found, path } = this.outputs(steps.slice(1), module);
      const [only, ...others] = found;
      if (only === undefined || others.length > 0 || path.length > 0) return undefined;
      if (/\[[^\]]*\]$/.test(only.inside.module)) return undefined;
      const [leaf, ...more] = isRecord(only.expression) ? wholeReferences(only.expression['references']) : [];
      return leaf === undefined || more.length > 0
        ? undefined
        : this.#sureBase(readTraversal(leaf), only.inside.module);
    }
    const { instances, path, key } = this.instances(steps, module);
    const [only, ...others] = instances;
    if (only === undefined || others.length > 0 || only.mode !== 'managed' || path.length > 1)
      return undefined;
    if (only.key !== undefined && key === undefined) return undefined;
    return `${baseOf(only.module, only.mode, only.type, only.name)}${key === undefined ? '' : '[]'}`;
  }

  /** Resolves `x[count.index]`, `x[each.key]` and, if resources are chained by `for_each`, `each.value`. */
  #byOwnKey(leaves: string[], at: Standpoint): Resolved | undefined {
    const [first = '', second, ...more] = leaves;
    if (more.length > 0 || at.key === undefined) return undefined;
    const steps = readTraversal(first);
    if (second === 'count.index' || second === 'each.key') {
      const found = this.instances(steps, at.module);
      if (found.path.length > 0 || found.key !== undefined || found.instances.length === 0) return undefined;
      // `element` wraps around at the end of a list.
      const wanted = typeof at.key === 'number' ? at.key % found.instances.length : at.key;
      const own = found.instances.filter(({ key }) => key === wanted);
      return own.length === 1 ? [new Handle(own[0]!)] : undefined;
    }
    if (second !== undefined) return undefined;
    if (first === 'each.key' || first === 'count.index') return [at.key];
    if (steps[0] !== 'each' || steps[1] !== 'value' || !isRecord(at.forEach)) return undefined;
    const [source, ...others] = wholeReferences(at.forEach['references']);
    if (source === undefined || others.length > 0) return undefined;
    const found = this.instances(readTraversal(source), at.module);
    const own = found.instances.filter(({ key }) => key === at.key);
    if (found.path.length > 0 || own.length !== 1) return undefined;
    return this.#attribute(own, steps.slice(2));
  }

  #follow(steps: PathStep[], at: Standpoint, what: string): Resolved {
    const [head, ...path] = steps;
    if (head === 'var') return this.#variable(path, at.module, what);
    if (head === 'module') return this.#output(path, at.module, what);
    if (['local', 'each', 'count', 'path', 'terraform', 'self'].includes(String(head)))
      return unknownValue(`${what} hangs on ${steps.join('.')}, which a plan does not tell`);
    const found = this.instances(steps, at.module);
    if (found.instances.length > 0) return this.#attribute(found.instances, found.path);
    // An index that does not exist is skipped, as in `try(x[0].id, y[0].id)`.
    return found.declared
      ? []
      : unknownValue(`${what} refers to ${steps.join('.')}, which is not in the plan`);
  }

  #attribute(instances: PlanInstance[], path: PathStep[]): Resolved {
    const [attribute, ...rest] = path;
    if (attribute === undefined || (rest.length === 0 && identifying.has(String(attribute))))
      return instances.map((instance) => new Handle(instance));
    if (attribute === 'default_security_group_id')
      return instances.map((instance) => new Handle(instance, '.default'));
    if (instances.length > 1)
      return unknownValue(`${instances[0]!.id}.${path.join('.')} is asked of several resources`);
    return [this.#readArgument(instances[0]!, path)].flat().filter((item) => item !== undefined);
  }

  #variable([name, ...path]: PathStep[], module: string, what: string): Resolved {
    const text = `var.${String(name)}`;
    const declared = this.config(module)?.variables?.[String(name)];
    const given = module === '' ? this.plan.variables[String(name)] : undefined;
    const { call, outside } = module === '' ? { call: undefined, outside: undefined } : this.caller(module);
    const expression = call?.expressions?.[String(name)];
    if (expression === undefined || outside === undefined) {
      if (given !== undefined && 'value' in given) return itemsAt(given.value, path);
      return declared !== undefined && 'default' in declared
        ? itemsAt(declared.default, path)
        : unknownValue(`${what} hangs on ${text}, which has no value`);
    }
    if (isRecord(expression) && 'constant_value' in expression)
      return itemsAt(expression['constant_value'], path);
    const resolved = this.resolve(expression, outside, what);
    return isUnknownValue(resolved) ? resolved : this.#pick(resolved, path, `${what} hangs on ${text}`);
  }

  #output(steps: PathStep[], module: string, what: string): Resolved {
    const { found, path, name } = this.outputs(steps, module);
    if (found.length !== 1)
      return unknownValue(`${what} hangs on module.${name}, of which ${found.length} are in the plan`);
    const [{ expression, inside }] = found as [(typeof found)[0]];
    if (expression === undefined) return unknownValue(`${what} hangs on an output of module.${name}`);
    const resolved = this.resolve(expression, inside, what);
    return isUnknownValue(resolved)
      ? resolved
      : this.#pick(resolved, path, `${what} hangs on module.${name}`);
  }

  /** Picks one item of a list by its index. Members of an object with several resources can't be told apart. */
  #pick(items: unknown[], path: PathStep[], what: string): Resolved {
    const [step, ...more] = path;
    if (step === undefined) return items;
    if (typeof step === 'number' && more.length === 0 && items.length > 0) {
      const isWhole = this.#reading === 'all' || this.#reading === 'unknown';
      const at = isWhole ? step : Math.min(step, items.length - 1);
      if (at < items.length) return [items[at]];
    }
    return typeof step === 'string' && items.length === 1 && items[0] instanceof Handle
      ? items
      : unknownValue(`${what}.${path.join('.')} in a way that a plan does not tell`);
  }
}

/** Returns no item for `null`: an argument that is set to null is not set. */
function itemsAt(value: unknown, path: PathStep[]): unknown[] {
  let found = value;
  for (const step of path)
    found = Array.isArray(found) ? found[Number(step)] : isRecord(found) ? found[String(step)] : undefined;
  return found === undefined || found === null ? [] : [found].flat();
}
