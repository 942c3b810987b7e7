// Reads an argument of a planned resource: known, not set, or unknown unless its references show the value.
import { isUnknownValue, type UnknownValue, unknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import {
  cellOf,
  expressionOf,
  type Family,
  families,
  isComputed,
  isOpen,
  isUnset,
  type Node,
  naming,
  readData,
  shapeOf,
} from './arguments.ts';
import { type Plan, type PlanInstance, referencesWithin } from './parse-plan.ts';
import { Handle, type Standpoint, withoutHandle } from './plan-index.ts';
import { type Reading, References, type Shape } from './references.ts';

/** All resources of a plan, each with its reader, and the values that identify them on AWS. */
export class PlannedWorld {
  readonly plan: Plan;
  readonly references: References;
  readonly all: Reader[];
  readonly #ids = new Map<string, PlanInstance | undefined>();
  readonly #readers = new Map<PlanInstance, Reader>();

  constructor(plan: Plan, reading: Reading = 'all') {
    this.plan = plan;
    const readArgument = (instance: PlanInstance, path: (string | number)[]) =>
      this.#readers.get(instance)!.at(path);
    this.references = new References(plan, readArgument, reading);
    this.all = plan.instances.map((instance) => {
      const config = this.references.configOf(instance);
      const reader = new Reader(this, instance, {
        value: instance.after,
        unknown: instance.unknown,
        expression: config?.expressions,
        what: instance.id,
      });
      this.#readers.set(instance, reader);
      return reader;
    });
    // A data source that looks up a managed resource of the plan is not a second resource.
    const managedFirst = plan.instances.toSorted(
      (a, b) => Number(a.mode === 'data') - Number(b.mode === 'data'),
    );
    for (const [family, types] of Object.entries(families))
      for (const instance of managedFirst) if (types.includes(instance.type)) this.#name(family, instance);
  }

  #name(family: string, instance: PlanInstance): void {
    const reader = this.#readers.get(instance)!;
    for (const id of new Set(naming.map((name) => reader.one(name)))) {
      if (typeof id !== 'string' || id === '') continue;
      const key = `${family} ${id}`;
      if (this.#ids.has(key) && instance.mode === 'data') continue;
      // Two resources of one name can't be told apart by that name.
      this.#ids.set(key, this.#ids.has(key) ? undefined : instance);
    }
  }

  of(...types: string[]): Reader[] {
    return this.all.filter(({ instance: { type, mode } }) => mode === 'managed' && types.includes(type));
  }

  /** The id of the resource of the plan that `item` identifies. Other text is returned unchanged. */
  idOf(item: unknown, ...wanted: Family[]): unknown {
    if (item instanceof Handle) {
      const { id, type, mode } = item.instance;
      if (mode === 'data' && !readData.has(type)) return unknownValue(`${id} is read only during the apply`);
      if (item.suffix === '.default') return this.#defaultGroupOf(id);
      return wanted.some((family) => families[family].includes(type))
        ? id
        : unknownValue(`${id} is given where another kind of resource is meant`);
    }
    if (typeof item !== 'string') return item;
    for (const family of wanted) {
      const found = this.#ids.get(`${family} ${item}`);
      if (found !== undefined) return found.id;
    }
    return item;
  }

  /** The default security group of a VPC. If the plan manages it, it has an id of its own. */
  #defaultGroupOf(vpc: string): string {
    const managed = this.of('aws_default_security_group').find((group) => group.ref('vpc_id', 'vpc') === vpc);
    return managed?.id ?? `${vpc}.default`;
  }

  /** Ids that AWS has given to security groups of the plan. */
  get existingGroups(): [awsId: string, id: string][] {
    return this.of(...families.group).flatMap(({ instance: { id, after } }): [string, string][] =>
      typeof after['id'] === 'string' && after['id'] !== '' ? [[after['id'], id]] : [],
    );
  }
}

export class Reader {
  readonly world: PlannedWorld;
  readonly instance: PlanInstance;
  readonly #node: Node;

  constructor(world: PlannedWorld, instance: PlanInstance, node: Node) {
    this.world = world;
    this.instance = instance;
    this.#node = node;
  }

  get id(): string {
    return this.instance.id;
  }

  /** A single value; undefined where it is not set, so that the default of AWS applies. */
  one(name: string): unknown {
    return withoutHandle(this.#single(name));
  }

  #single(name: string): unknown {
    const cell = cellOf(this.#node, name);
    if (!isOpen(cell, this.instance)) return isUnset(cell.value) ? undefined : cell.value;
    if (this.#isLeftOut(cell, name)) return undefined;
    const items = this.#resolve(cell, 'one');
    if (isUnknownValue(items)) return items;
    // A variable that is null leaves the argument unset.
    if (items.length === 0) return undefined;
    return items.length === 1 ? items[0] : unknownValue(`${cell.what} may be any of ${items.length} values`);
  }

  /** Whether a secret is set, whatever its value. A secret that another resource creates counts as set. */
  isGiven(name: string): unknown {
    const cell = cellOf(this.#node, name);
    if (!isOpen(cell, this.instance)) return !isUnset(cell.value);
    if (this.#isLeftOut(cell, name)) return false;
    const leaves = referencesWithin(cell.expression);
    const made = leaves.length > 0 && leaves.every((leaf) => /^(data\.)?[a-z0-9]+_\w+\./.test(leaf));
    return made ? true : unknownValue(`${cell.what} is known only after the apply`);
  }

  /** Reads a list or set. An item that is not known yet is an unknown value. */
  many(name: string): unknown[] | UnknownValue | undefined {
    const items = this.#several(name);
    return Array.isArray(items) ? items.map(withoutHandle) : items;
  }

  #several(name: string): unknown[] | UnknownValue | undefined {
    const cell = cellOf(this.#node, name);
    if (isOpen(cell, this.instance)) {
      const items = this.#isLeftOut(cell, name) ? [] : this.#resolve(cell, shapeOf(this.instance, name));
      return Array.isArray(items) && items.length === 0 ? undefined : items;
    }
    if (isUnset(cell.value)) return undefined;
    const list = Array.isArray(cell.value) ? cell.value : [cell.value];
    const known = list.filter((item) => !isUnset(item));
    const open = Array.isArray(cell.unknown) ? cell.unknown.filter((item) => item === true).length : 0;
    if (open === 0) return known;
    const resolved = this.#resolve(cell, open);
    const isKnown = (item: unknown) =>
      known.includes(item) ||
      (item instanceof Handle && naming.some((each) => known.includes(item.instance.after[each])));
    const rest = isUnknownValue(resolved) ? [resolved] : resolved.filter((item) => !isKnown(item));
    return rest.length === open
      ? [...known, ...rest]
      : [...known, unknownValue(`${cell.what} has items that are known only after the apply`)];
  }

  ref(name: string, ...wanted: Family[]): unknown {
    return this.world.idOf(this.#single(name), ...wanted);
  }

  /**
   * The resources of a kind to which an argument with a local value may refer: those that its module sees. Undefined
   * where any is possible. `isCertain`: it must be the only one.
   */
  candidates(name: string, family: Family): { ids: string[]; isCertain: boolean } | undefined {
    const { expression } = cellOf(this.#node, name);
    if (!referencesWithin(expression).some((leaf) => /^(local|each)\./.test(leaf))) return undefined;
    const seen = this.world.references.visibleFrom(this.instance.module, families[family]);
    if (seen === undefined) return undefined;
    const ids = seen.instances.map(({ id }) => id);
    return { ids, isCertain: ids.length === 1 && !seen.others };
  }

  refs(name: string, ...wanted: Family[]): unknown[] | UnknownValue | undefined {
    const items = this.#several(name);
    return Array.isArray(items) ? items.map((item) => this.world.idOf(item, ...wanted)) : items;
  }

  /** The nested blocks of a name; an unknown value where even their number is unknown. */
  blocks(name: string): Reader[] | UnknownValue {
    const cell = cellOf(this.#node, name);
    if (isOpen(cell, this.instance)) {
      if (this.#isLeftOut(cell, name)) return [];
      return unknownValue(`${cell.what} is known only after the apply`);
    }
    const { value, unknown, expression, what } = cell;
    if (isUnset(value)) return [];
    const list = Array.isArray(value) ? value : [value];
    const open = Array.isArray(unknown) ? unknown : [unknown];
    // Terraform leaves a block out of a set if nothing is known about it.
    if (open.filter((item) => item === true).length > list.filter(isUnset).length)
      return unknownValue(`${what} has blocks that are known only after the apply`);
    return list.map(
      (each, index) =>
        new Reader(this.world, this.instance, {
          value: each,
          unknown: open[index],
          expression: expressionOf(expression, each, index, list.length),
          what: `${what}[${index}]`,
        }),
    );
  }

  /** The only block of a name, or undefined. */
  block(name: string): Reader | UnknownValue | undefined {
    const blocks = this.blocks(name);
    return isUnknownValue(blocks) ? blocks : blocks[0];
  }

  /** Reads an argument at any depth for a resource that refers to it. */
  at([name, ...rest]: (string | number)[]): unknown {
    const text = String(name);
    if (rest.length === 0) {
      const value = this.#several(text);
      // An attribute to which others refer exists after the apply, even if the plan does not show it.
      if (value === undefined && text === 'latest_version') return '$Latest';
      if (value === undefined && text === 'default_version') return '$Default';
      if (value === undefined)
        return unknownValue(`${this.#node.what}.${text} is known only after the apply`);
      return Array.isArray(value) && value.length === 1 ? value[0] : value;
    }
    const cell = cellOf(this.#node, text);
    if (isOpen(cell, this.instance)) return unknownValue(`${cell.what} is known only after the apply`);
    const [key, ...deeper] = rest;
    const inner = Array.isArray(cell.value) ? cell.value[Number(key)] : undefined;
    if (isRecord(inner) && deeper.length > 0) {
      const blocks = this.blocks(text);
      if (!isUnknownValue(blocks)) return blocks[Number(key)]?.at(deeper);
    }
    if (inner !== undefined && inner !== null && deeper.length === 0 && !isRecord(inner)) return inner;
    return unknownValue(`${cell.what}.${rest.join('.')} is not told by the plan`);
  }

  /** Names of all arguments and blocks that are set or may be set. */
  names(): string[] {
    const { value, unknown } = this.#node;
    return [
      ...new Set([
        ...Object.keys(isRecord(value) ? value : {}),
        ...Object.keys(isRecord(unknown) ? unknown : {}),
      ]),
    ];
  }

  /** Whether the argument is set or may be set. */
  isSaid(name: string): boolean {
    const cell = cellOf(this.#node, name);
    if (!isOpen(cell, this.instance)) return !isUnset(cell.value);
    return cell.expression !== undefined || this.#node.expression === undefined;
  }

  /** Whether an argument holds blocks. */
  holdsBlocks(name: string): boolean {
    const { value } = cellOf(this.#node, name);
    return Array.isArray(value) ? value.some(isRecord) : isRecord(value);
  }

  get what(): string {
    return this.#node.what;
  }

  /** Whether the configuration does not set the argument, so that the provider or AWS chooses it. */
  #isLeftOut({ expression }: Node, name: string): boolean {
    if (expression !== undefined || this.#node.expression === undefined) return false;
    return isComputed(this.instance.type, name);
  }

  #resolve({ expression, isShared, what }: Node, shape: Shape): unknown[] | UnknownValue {
    // A constant of the configuration would be known already.
    if (isRecord(expression) && 'constant_value' in expression)
      return unknownValue(`${what} is known only after the apply`);
    const config = this.world.references.configOf(this.instance);
    const at: Standpoint = {
      module: this.instance.module,
      key: this.instance.key,
      forEach: config?.for_each_expression,
    };
    const items = this.world.references.resolve(expression, at, what, shape);
    return isShared && Array.isArray(items) && items.length > 1
      ? unknownValue(`${what} is one of several arguments in an expression that a plan does not tell`)
      : items;
  }
}
