// Finds the resources, modules, module calls and outputs that names of a plan's configuration refer to.
import { unknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import {
  type Expressions,
  joinModule,
  keyText,
  type ModuleConfig,
  type Plan,
  type PlanInstance,
  type ResourceConfig,
  readTraversal,
  referencesWithin,
} from './parse-plan.ts';

/** A resource to which an attribute such as its id refers. */
export class Handle {
  readonly instance: PlanInstance;
  /** The suffix of the resource's id: `.default` for the default security group of a VPC. */
  readonly suffix: string;

  constructor(instance: PlanInstance, suffix = '') {
    this.instance = instance;
    this.suffix = suffix;
  }
}

/** The place of an expression: its module, and the key of its resource or module call. */
export interface Standpoint {
  module: string;
  key?: string | number | undefined;
  forEach?: Expressions;
}

export type PathStep = string | number;

/** The resources that a module can refer to. `others`: whether another value could be the id of one more. */
export interface Visible {
  instances: PlanInstance[];
  others: boolean;
}

/** The longest chain of references that is followed. */
export const depthLimit = 24;

export class PlanIndex {
  protected readonly plan: Plan;
  readonly #byBase = new Map<string, PlanInstance[]>();

  constructor(plan: Plan) {
    this.plan = plan;
    for (const instance of plan.instances) {
      const base = baseOf(instance.module, instance.mode, instance.type, instance.name);
      const before = this.#byBase.get(base);
      if (before === undefined) this.#byBase.set(base, [instance]);
      else before.push(instance);
    }
  }

  /** The configuration of the block from which the instance is created. */
  configOf({ module, mode, type, name }: PlanInstance): ResourceConfig | undefined {
    return this.declared(module, mode, type, name);
  }

  /**
   * Finds every resource to which an expression leads. `locals`: it also has local values, whose contents a plan does
   * not show.
   */
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
        const { call, outside } = this.caller(at.module);
        add(this.handedOn(call?.expressions?.[String(path[0])], outside, depth + 1));
      } else if (head === 'module') {
        for (const { expression, inside } of this.outputs(path, at.module).found)
          add(this.handedOn(expression, inside, depth + 1));
      } else if (!['var', 'count', 'path', 'terraform', 'self', undefined].includes(head as string)) {
        const found = this.instances(readTraversal(leaf), at.module);
        handed.handles.push(...found.instances.map((instance) => new Handle(instance)));
        // A data source, such as a policy document, passes on the resources to which its own arguments refer.
        if (head === 'data') {
          const [type, name] = path;
          const config = this.declared(at.module, 'data', String(type), String(name));
          add(this.handedOn(config?.expressions, at, depth + 1));
        }
      }
    }
    return handed;
  }

  /**
   * The resources of these types to which a local value in a module may lead: those of the module itself, and those
   * that it gets from its calls. Undefined where others are possible.
   */
  visibleFrom(module: string, types: readonly string[]): Visible | undefined {
    const own = this.plan.instances.filter((instance) => instance.module === module);
    const calls = Object.entries(this.config(module)?.module_calls ?? {});
    const given = [
      ...calls.flatMap(([name, { module: inner }]) =>
        Object.keys(inner?.outputs ?? {}).flatMap((output) =>
          this.outputs([name, output], module).found.map(({ expression, inside }) =>
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

  /** Whether a computed attribute of the resource may be the id of a security group. */
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
    const { call, outside } = this.caller(module);
    return this.handedOn(call?.expressions, outside);
  }

  /** The output of a module call, for every instance of the module unless one is named. */
  protected outputs([name, ...rest]: PathStep[], module: string) {
    const prefix = `${module === '' ? '' : `${module}.`}module.${String(name)}`;
    const config = this.config(module)?.module_calls?.[String(name)]?.module;
    const inner = new Set(
      this.plan.instances
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

  protected instances(steps: PathStep[], module: string) {
    const mode = steps[0] === 'data' ? 'data' : 'managed';
    const [type, name, ...rest] = mode === 'data' ? steps.slice(1) : steps;
    const all = this.#byBase.get(baseOf(module, mode, String(type), String(name))) ?? [];
    const declared = this.declared(module, mode, String(type), String(name)) !== undefined;
    const [first] = rest;
    const keyed = typeof first === 'number' || (first !== undefined && all.some(({ key }) => key === first));
    const own = keyed ? all.filter(({ key }) => key === first) : all;
    return { instances: own, path: keyed ? rest.slice(1) : rest, key: keyed ? first : undefined, declared };
  }

  protected declared(module: string, mode: string, type: string, name: string): ResourceConfig | undefined {
    const resources = this.config(module)?.resources ?? [];
    return resources.find(
      (each) => each.type === type && each.name === name && (each.mode ?? 'managed') === mode,
    );
  }

  protected config(module: string): ModuleConfig | undefined {
    let config = this.plan.root;
    const steps = readTraversal(module);
    for (const [index, step] of steps.entries())
      if (step === 'module' && (index === 0 || steps[index - 1] !== 'module'))
        config = config?.module_calls?.[String(steps[index + 1])]?.module;
    return config;
  }

  /** The call of a module, and the place of that call. */
  protected caller(module: string) {
    const steps = readTraversal(module);
    const at = steps.lastIndexOf('module');
    const outer = joinModule(steps.slice(0, at));
    const call = this.config(outer)?.module_calls?.[String(steps[at + 1])];
    const outside: Standpoint = {
      module: outer,
      key: steps[at + 2],
      forEach: call?.for_each_expression,
    };
    return { call, outside };
  }
}

export function baseOf(module: string, mode: string, type: string, name: string): string {
  return `${module}|${mode}|${type}|${name}`;
}

/** Makes an id that AWS has not given yet an unknown value, for arguments that are read as plain values. */
export function withoutHandle(value: unknown): unknown {
  return value instanceof Handle
    ? unknownValue(`an id of ${value.instance.id} is known only after the apply`)
    : value;
}
