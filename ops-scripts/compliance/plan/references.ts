// Follows references through variables, outputs and modules to the resources of a plan that they name.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import {
  type Expressions,
  joinModule,
  keyText,
  type ModuleConfig,
  type Plan,
  type PlanInstance,
  type ResourceConfig,
} from './parse-plan.ts';
import { readTraversal, referencesWithin, wholeReferences } from './traversal.ts';

/** A resource that is referred to by what identifies it. */
export class Handle {
  readonly instance: PlanInstance;
  /** What is added to the id of the resource: `.default` for the default security group of a VPC. */
  readonly suffix: string;

  constructor(instance: PlanInstance, suffix = '') {
    this.instance = instance;
    this.suffix = suffix;
  }
}

/** Where an expression stands: it sees the names of its module and the key of its resource or module call. */
export interface Standpoint {
  module: string;
  key?: string | number | undefined;
  forEach?: Expressions;
}

type Step = string | number;

/** Each item is a Handle, a plain value or an unknown value. */
type Resolved = unknown[] | UnknownValue;

/**
 * How many values an argument takes, which may prove what a plan does not tell: one, a number of them that are not
 * known, a set of any size, or subnets of which AWS takes no fewer than two.
 */
export type Shape = 'one' | 'set' | 'two-subnets' | number;

/**
 * How a set is read whose references stand side by side: as `all` of them, as people write it; as `unknown`; or, by
 * the argument, as a function would that takes one of them. An argument that is not named is read as all.
 */
export type Reading = 'all' | 'unknown' | ReadonlyMap<string, number>;

/** Reads an argument of another resource, whose value is an attribute that identifies nothing. */
export type ReadArgument = (instance: PlanInstance, path: Step[]) => unknown;

/** Attributes that stand for the resource itself. */
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

/** What a module sees; `others`: whether something beside them may tell of one more. */
export interface Visible {
  instances: PlanInstance[];
  others: boolean;
}

/** Longer chains of references are not followed. */
const depthLimit = 24;

export class References {
  readonly #plan: Plan;
  readonly #readArgument: ReadArgument;
  readonly #reading: Reading;
  readonly #byBase = new Map<string, PlanInstance[]>();
  /** The sets that were read in one of several ways, each with the number of what it refers to. */
  readonly assumed = new Map<string, number>();
  #depth = 0;

  constructor(plan: Plan, readArgument: ReadArgument, reading: Reading) {
    this.#plan = plan;
    this.#readArgument = readArgument;
    this.#reading = reading;
    for (const instance of plan.instances) {
      const base = baseOf(instance.module, instance.mode, instance.type, instance.name);
      const before = this.#byBase.get(base);
      if (before === undefined) this.#byBase.set(base, [instance]);
      else before.push(instance);
    }
  }

  /** The configuration of the block that the instance is made of. */
  configOf({ module, mode, type, name }: PlanInstance): ResourceConfig | undefined {
    return this.#declared(module, mode, type, name);
  }

  /**
   * The values that an expression takes after the apply. A plan tells what an expression refers to and not how it
   * joins that. Only what cannot be a choice is taken as it stands: see `#join`.
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
   * Joins what several references lead to. What is not known comes from a reference that leads somewhere: where only
   * one does, it is that. Several are a list of all where as many values are not known as there are references. A set
   * does not tell its size: it is all of them where each is a resource that exists whatever else holds, so that a
   * choice between them (`coalesce`, `try`) would have no purpose. In any other case it may be a choice.
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

  /** Whether each of the references is to another resource that exists whatever else holds. */
  #areSure(leaves: string[], at: Standpoint): boolean {
    const bases = leaves.map((leaf) => this.#sureBase(readTraversal(leaf), at.module));
    // Keys that are written down exist all or none; beside another resource, one of them may be what is preferred.
    const isKeyed = (base: string | undefined) => base?.endsWith('[]') === true;
    return bases.every((base) => base !== undefined) && (!bases.some(isKeyed) || new Set(bases).size === 1);
  }

  /** What is referred to, as an address without its key; undefined where it may be missing. */
  #sureBase(steps: Step[], module: string): string | undefined {
    if (steps[0] === 'module') {
      const { found, path } = this.#outputs(steps.slice(1), module);
      const [only, ...others] = found;
      if (only === undefined || others.length > 0 || path.length > 0) return undefined;
      if (/\[[^\]]*\]$/.test(only.inside.module)) return undefined;
      const [leaf, ...more] = isRecord(only.expression) ? wholeReferences(only.expression['references']) : [];
      return leaf === undefined || more.length > 0
        ? undefined
        : this.#sureBase(readTraversal(leaf), only.inside.module);
    }
    const { instances, path, key } = this.#instances(steps, module);
    const [only, ...others] = instances;
    if (only === undefined || others.length > 0 || only.mode !== 'managed' || path.length > 1)
      return undefined;
    if (only.key !== undefined && key === undefined) return undefined;
    return `${baseOf(only.module, only.mode, only.type, only.name)}${key === undefined ? '' : '[]'}`;
  }

  /** Every resource that an expression may hand on, as far as its references can be followed. */
  handedOn(expressions: unknown, at: Standpoint, depth = 0): { handles: Handle[]; locals: boolean } {
    const handed = { handles: [] as Handle[], locals: false };
    const add = (more: typeof handed) => {
      handed.handles.push(...more.handles);
      handed.locals ||= more.locals;
    };
    if (depth > depthLimit) return { ...handed, locals: true };
    for (const leaf of referencesWithin(expressions)) {
      const [head, ...path] = readTraversal(leaf);
      if (head === 'local' || head === 'each') handed.locals = true;
      else if (head === 'var' && at.module !== '') {
        const { call, outside } = this.#caller(at.module);
        add(this.handedOn(call?.expressions?.[String(path[0])], outside, depth + 1));
      } else if (head === 'module') {
        for (const { expression, inside } of this.#outputs(path, at.module).found)
          add(this.handedOn(expression, inside, depth + 1));
      } else if (!['var', 'count', 'path', 'terraform', 'self', undefined].includes(head as string)) {
        const found = this.#instances(readTraversal(leaf), at.module);
        handed.handles.push(...found.instances.map((instance) => new Handle(instance)));
        // A document that is put together from others hands them on.
        if (head === 'data') {
          const [type, name] = path;
          const config = this.#declared(at.module, 'data', String(type), String(name));
          add(this.handedOn(config?.expressions, at, depth + 1));
        }
      }
    }
    return handed;
  }

  /**
   * The resources of these types that something in a module may name in a way that a plan does not tell: those of the
   * module itself, and those that it is given. Undefined where there may be others.
   */
  visibleFrom(module: string, types: readonly string[]): Visible | undefined {
    const own = this.#plan.instances.filter((instance) => instance.module === module);
    const calls = Object.entries(this.#config(module)?.module_calls ?? {});
    const given = [
      ...calls.flatMap(([name, { module: inner }]) =>
        Object.keys(inner?.outputs ?? {}).flatMap((output) =>
          this.#outputs([name, output], module).found.map(({ expression, inside }) =>
            this.handedOn(expression, inside),
          ),
        ),
      ),
      ...(module === '' ? [] : [this.#handedIn(module)]),
    ];
    const isMeant = ({ type }: PlanInstance) => types.includes(type);
    const isRead = ({ mode, type }: PlanInstance) => mode === 'data' && types.includes(type);
    if (given.some(({ locals }) => locals) || own.some(isRead)) return undefined;
    const handles = given.flatMap((each) => each.handles.map(({ instance }) => instance));
    const seen = [...new Set([...own, ...handles])];
    const others = seen.some((instance) => !isMeant(instance) && this.#mayTellGroup(instance));
    return { instances: seen.filter(isMeant), others };
  }

  /** Whether an attribute that AWS gives the resource, or what it makes up, may be the id of a security group. */
  #mayTellGroup(instance: PlanInstance): boolean {
    const { type, mode, unknown } = instance;
    if (mode === 'data' || /^aws_(default_)?vpc$/.test(type)) return true;
    if (!type.startsWith('aws_')) return !/^(random|tls|time)_/.test(type);
    const { expressions = {} } = this.configOf(instance) ?? {};
    return Object.entries(isRecord(unknown) ? unknown : {}).some(
      ([name, open]) => !(name in expressions) && /security_group/.test(JSON.stringify({ [name]: open })),
    );
  }

  #handedIn(module: string) {
    const { call, outside } = this.#caller(module);
    return this.handedOn(call?.expressions, outside);
  }

  /** `x[count.index]`, `x[each.key]` and, where resources are chained by `for_each`, `each.value`. */
  #byOwnKey(leaves: string[], at: Standpoint): Resolved | undefined {
    const [first = '', second, ...more] = leaves;
    if (more.length > 0 || at.key === undefined) return undefined;
    const steps = readTraversal(first);
    if (second === 'count.index' || second === 'each.key') {
      const found = this.#instances(steps, at.module);
      if (found.path.length > 0 || found.key !== undefined || found.instances.length === 0) return undefined;
      // `element` begins anew at the end of a list.
      const wanted = typeof at.key === 'number' ? at.key % found.instances.length : at.key;
      const own = found.instances.filter(({ key }) => key === wanted);
      return own.length === 1 ? [new Handle(own[0]!)] : undefined;
    }
    if (second !== undefined) return undefined;
    if (first === 'each.key' || first === 'count.index') return [at.key];
    if (steps[0] !== 'each' || steps[1] !== 'value' || !isRecord(at.forEach)) return undefined;
    const [source, ...others] = wholeReferences(at.forEach['references']);
    if (source === undefined || others.length > 0) return undefined;
    const found = this.#instances(readTraversal(source), at.module);
    const own = found.instances.filter(({ key }) => key === at.key);
    if (found.path.length > 0 || own.length !== 1) return undefined;
    return this.#attribute(own, steps.slice(2));
  }

  #follow(steps: Step[], at: Standpoint, what: string): Resolved {
    const [head, ...path] = steps;
    if (head === 'var') return this.#variable(path, at.module, what);
    if (head === 'module') return this.#output(path, at.module, what);
    if (['local', 'each', 'count', 'path', 'terraform', 'self'].includes(String(head)))
      return unknownValue(`${what} hangs on ${steps.join('.')}, which a plan does not tell`);
    const found = this.#instances(steps, at.module);
    if (found.instances.length > 0) return this.#attribute(found.instances, found.path);
    // An index that is not there is passed over, as in `try(x[0].id, y[0].id)`.
    return found.declared
      ? []
      : unknownValue(`${what} refers to ${steps.join('.')}, which is not in the plan`);
  }

  #attribute(instances: PlanInstance[], path: Step[]): Resolved {
    const [attribute, ...rest] = path;
    if (attribute === undefined || (rest.length === 0 && identifying.has(String(attribute))))
      return instances.map((instance) => new Handle(instance));
    if (attribute === 'default_security_group_id')
      return instances.map((instance) => new Handle(instance, '.default'));
    if (instances.length > 1)
      return unknownValue(`${instances[0]!.id}.${path.join('.')} is asked of several resources`);
    return [this.#readArgument(instances[0]!, path)].flat().filter((item) => item !== undefined);
  }

  #variable([name, ...path]: Step[], module: string, what: string): Resolved {
    const text = `var.${String(name)}`;
    const declared = this.#config(module)?.variables?.[String(name)];
    const given = module === '' ? this.#plan.variables[String(name)] : undefined;
    const { call, outside } = module === '' ? { call: undefined, outside: undefined } : this.#caller(module);
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

  #output(steps: Step[], module: string, what: string): Resolved {
    const { found, path, name } = this.#outputs(steps, module);
    if (found.length !== 1)
      return unknownValue(`${what} hangs on module.${name}, of which ${found.length} are in the plan`);
    const [{ expression, inside }] = found as [(typeof found)[0]];
    if (expression === undefined) return unknownValue(`${what} hangs on an output of module.${name}`);
    const resolved = this.resolve(expression, inside, what);
    return isUnknownValue(resolved)
      ? resolved
      : this.#pick(resolved, path, `${what} hangs on module.${name}`);
  }

  /** The output of a module call, of each of its instances where none is named. */
  #outputs([name, ...rest]: Step[], module: string) {
    const prefix = `${module === '' ? '' : `${module}.`}module.${String(name)}`;
    const config = this.#config(module)?.module_calls?.[String(name)]?.module;
    const inner = new Set(
      this.#plan.instances
        .map((instance) => instance.module)
        .filter((each) => each === prefix || each.startsWith(`${prefix}[`) || each.startsWith(`${prefix}.`))
        .map(
          (each) => `${prefix}${/^\[(?:"(?:[^"\\]|\\.)*"|\d+)\]/.exec(each.slice(prefix.length))?.[0] ?? ''}`,
        ),
    );
    if (inner.size === 0 && config !== undefined) inner.add(prefix);
    const [first, ...others] = rest;
    const named = `${prefix}${keyText(first)}`;
    const keyed = first !== undefined && inner.has(named) && !inner.has(prefix);
    const [output, ...path] = keyed ? others : rest;
    const meant = keyed ? [named] : [...inner];
    return {
      name: String(name),
      path,
      found: meant.map((inside) => ({
        expression: output === undefined ? undefined : config?.outputs?.[String(output)]?.expression,
        inside: { module: inside },
      })),
    };
  }

  /** One item of a list that is told in its order; of an object with several resources none can be told apart. */
  #pick(items: unknown[], path: Step[], what: string): Resolved {
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

  #instances(steps: Step[], module: string) {
    const mode = steps[0] === 'data' ? 'data' : 'managed';
    const [type, name, ...rest] = mode === 'data' ? steps.slice(1) : steps;
    const all = this.#byBase.get(baseOf(module, mode, String(type), String(name))) ?? [];
    const declared = this.#declared(module, mode, String(type), String(name)) !== undefined;
    const [first] = rest;
    const keyed = typeof first === 'number' || (first !== undefined && all.some(({ key }) => key === first));
    const own = keyed ? all.filter(({ key }) => key === first) : all;
    return { instances: own, path: keyed ? rest.slice(1) : rest, key: keyed ? first : undefined, declared };
  }

  #declared(module: string, mode: string, type: string, name: string): ResourceConfig | undefined {
    const resources = this.#config(module)?.resources ?? [];
    return resources.find(
      (each) => each.type === type && each.name === name && (each.mode ?? 'managed') === mode,
    );
  }

  #config(module: string): ModuleConfig | undefined {
    let config = this.#plan.root;
    const steps = readTraversal(module);
    for (const [index, step] of steps.entries())
      if (step === 'module' && (index === 0 || steps[index - 1] !== 'module'))
        config = config?.module_calls?.[String(steps[index + 1])]?.module;
    return config;
  }

  /** The call of a module, and where that call stands. */
  #caller(module: string) {
    const steps = readTraversal(module);
    const at = steps.lastIndexOf('module');
    const outer = joinModule(steps.slice(0, at));
    const call = this.#config(outer)?.module_calls?.[String(steps[at + 1])];
    const outside: Standpoint = {
      module: outer,
      key: steps[at + 2],
      forEach: call?.for_each_expression,
    };
    return { call, outside };
  }
}

function baseOf(module: string, mode: string, type: string, name: string): string {
  return `${module}|${mode}|${type}|${name}`;
}

/** No item of `null`: an argument that is given it is not set. */
function itemsAt(value: unknown, path: Step[]): unknown[] {
  let found = value;
  for (const step of path)
    found = Array.isArray(found) ? found[Number(step)] : isRecord(found) ? found[String(step)] : undefined;
  return found === undefined || found === null ? [] : [found].flat();
}
