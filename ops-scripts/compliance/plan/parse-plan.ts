// Parses `terraform show -json PLAN`: the resources after the apply, and the configuration of their values.
import { ConfigFault } from '../config-fault.ts';
import { isRecord } from '../template/parse-template.ts';

export type Json = Record<string, unknown>;

/** `{ constant_value }` or `{ references }`; for a block, its arguments by name or a list of blocks. */
export type Expressions = unknown;

export interface ModuleConfig {
  resources?: ResourceConfig[];
  module_calls?: Record<
    string,
    { expressions?: Json; module?: ModuleConfig; for_each_expression?: Expressions }
  >;
  outputs?: Record<string, { expression?: Expressions }>;
  variables?: Record<string, { default?: unknown }>;
}

export interface ResourceConfig {
  mode?: string;
  type?: string;
  name?: string;
  expressions?: Json;
  provisioners?: { expressions?: Json }[];
  for_each_expression?: Expressions;
}

/** One resource, or one instance of it that `count` or `for_each` creates. */
export interface PlanInstance {
  /** Its address without spaces, commas and double quotes, so that lists of ids can be joined and split. */
  id: string;
  /** `module.a["x"].module.b`; empty for the root. */
  module: string;
  mode: string;
  type: string;
  name: string;
  /** Its `count.index` or `each.key`. */
  key?: string | number;
  actions: string[];
  after: Json;
  /**
   * The shape of `after`, with `true` for values that are known only after the apply. Undefined where the plan has no
   * such data.
   */
  unknown?: unknown;
}

export interface Plan {
  file: string;
  instances: PlanInstance[];
  /** Undefined where the file has no configuration. */
  root?: ModuleConfig;
  variables: Record<string, { value?: unknown }>;
  region?: string;
  /** Why resources may be missing from the plan. */
  incomplete?: string;
}

/** Throws a ConfigFault that says where and why the text is not a plan. */
export function parsePlan(text: string, file: string): Plan {
  const fault = (why: string, options?: ErrorOptions) =>
    new ConfigFault(`Cannot read '${file}' as a Terraform plan as ${why}`, options);
  let plan: unknown;
  try {
    plan = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw fault('it is not JSON; `terraform show -json PLAN` writes it', { cause: error });
  }
  if (!isRecord(plan)) throw fault('it is not an object');
  const version = plan['format_version'];
  // Terraform 0.12 to 1.0 wrote 0.1 and 0.2, which do not differ in anything that is read here.
  if (typeof version !== 'string' || !/^(0\.[12]|1\.\d+)$/.test(version))
    throw fault(
      version === undefined
        ? "it has no 'format_version'"
        : `its 'format_version' is ${JSON.stringify(version)} and not 1.x`,
    );
  const { resource_changes: changes, planned_values: planned } = plan;
  if (changes === undefined && planned === undefined)
    throw fault(
      plan['values'] === undefined
        ? "it has neither 'resource_changes' nor 'planned_values'"
        : 'it is a state and no plan',
    );
  const place = (value: unknown, where: string) => {
    if (!isRecord(value)) throw fault(`${where} is not an object`);
    return value;
  };
  const list = (value: unknown, where: string): unknown[] => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw fault(`${where} is not a list`);
    return value;
  };
  const reading = { fault, place, list };
  const configuration = plan['configuration'];
  const root = configuration === undefined ? undefined : place(configuration, 'configuration')['root_module'];
  if (root !== undefined) checkModule(reading, place(root, 'configuration.root_module'), 'root_module');
  const variables = plan['variables'];
  return {
    file,
    instances: joinInstances(
      list(changes, 'resource_changes').flatMap((change, index) => readChange(reading, change, index)),
      planned === undefined
        ? []
        : readModule(
            reading,
            place(planned, 'planned_values')['root_module'] ?? {},
            'planned_values.root_module',
          ),
      readPriorData(reading, plan['prior_state']),
    ),
    ...(root === undefined ? {} : { root: root as ModuleConfig }),
    variables:
      variables === undefined ? {} : (place(variables, 'variables') as Record<string, { value?: unknown }>),
    ...regionOf(configuration, variables),
    ...whyIncomplete(plan),
  };
}

interface Reading {
  fault: (why: string) => ConfigFault;
  place: (value: unknown, where: string) => Json;
  list: (value: unknown, where: string) => unknown[];
}

/** Undefined stands for a resource that does not exist after the apply. */
type Found = Map<string, PlanInstance | undefined>;

function readChange(reading: Reading, raw: unknown, index: number): [string, PlanInstance | undefined][] {
  const where = `resource_changes[${index}]`;
  const entry = reading.place(raw, where);
  const change = reading.place(entry['change'], `${where}.change`);
  const actions = reading.list(change['actions'], `${where}.change.actions`).map(String);
  if (actions.length === 0) throw reading.fault(`${where}.change has no 'actions'`);
  // A deposed object is left over from an earlier replacement, and Terraform is about to delete it.
  if (entry['deposed'] !== undefined) return [];
  const address = addressOf(reading, entry, where);
  if (actions.length === 1 && actions[0] === 'delete') return [[address, undefined]];
  // A resource that Terraform forgets stays in the account unchanged.
  const forgotten = actions.includes('forget') && !actions.includes('create');
  const values = forgotten ? change['before'] : change['after'];
  const after = reading.place(values, `${where}.change.${forgotten ? 'before' : 'after'}`);
  const unknown = forgotten ? {} : change['after_unknown'];
  return [[address, { ...identify(reading, entry, where), actions, after, unknown }]];
}

function readModule(reading: Reading, raw: unknown, where: string): [string, PlanInstance][] {
  const module = reading.place(raw, where);
  const own = reading
    .list(module['resources'], `${where}.resources`)
    .map((each, index): [string, PlanInstance] => {
      const at = `${where}.resources[${index}]`;
      const entry = reading.place(each, at);
      const after = entry['values'] === undefined ? {} : reading.place(entry['values'], `${at}.values`);
      const found = { ...identify(reading, entry, at), actions: [], after };
      return [addressOf(reading, entry, at), found];
    });
  const inner = reading
    .list(module['child_modules'], `${where}.child_modules`)
    .flatMap((each, index) => readModule(reading, each, `${where}.child_modules[${index}]`));
  return [...own, ...inner];
}

/** Data sources that Terraform read while planning are listed only under `prior_state`. */
function readPriorData(reading: Reading, raw: unknown): [string, PlanInstance][] {
  if (raw === undefined || raw === null) return [];
  const values = reading.place(raw, 'prior_state')['values'];
  if (values === undefined || values === null) return [];
  const root = reading.place(values, 'prior_state.values')['root_module'];
  return readModule(reading, root ?? {}, 'prior_state.values.root_module').filter(
    ([, { mode }]) => mode === 'data',
  );
}

function joinInstances(
  changes: [string, PlanInstance | undefined][],
  planned: [string, PlanInstance][],
  prior: [string, PlanInstance][],
): PlanInstance[] {
  // A change replaces the planned value, because it also shows unknown values and deletions.
  const found: Found = new Map([...prior, ...planned, ...changes]);
  return [...found.values()].filter((instance) => instance !== undefined);
}

function addressOf(reading: Reading, entry: Json, where: string): string {
  if (typeof entry['address'] !== 'string') throw reading.fault(`${where} has no 'address'`);
  return entry['address'];
}

function identify(reading: Reading, entry: Json, where: string) {
  const address = addressOf(reading, entry, where);
  const { type, name, index, mode = 'managed' } = entry;
  if (typeof type !== 'string' || typeof name !== 'string')
    throw reading.fault(`${where} has no 'type' or no 'name'`);
  const steps = readTraversal(address);
  const at = steps.indexOf(type);
  if (at < 0) throw reading.fault(`${where} is of type '${type}' and its address is '${address}'`);
  const modules = steps.slice(0, mode === 'data' ? at - 1 : at);
  const key = index ?? steps[at + 2];
  const known = typeof key === 'string' || typeof key === 'number' ? { key } : {};
  return { id: toId(address), module: joinModule(modules), mode: String(mode), type, name, ...known };
}

/** Joins the steps of a module's address, such as `module.a["x"]`, always in the same spelling. */
export function joinModule(steps: (string | number)[]): string {
  let text = '';
  for (let at = 0; at < steps.length; at += 2) {
    text += `${text === '' ? '' : '.'}module.${steps[at + 1]}`;
    const next = steps[at + 2];
    if (next === undefined || next === 'module') continue;
    text += keyText(next);
    at += 1;
  }
  return text;
}

export function keyText(key: string | number | undefined): string {
  return key === undefined ? '' : `[${JSON.stringify(key)}]`;
}

function toId(address: string): string {
  return address.replaceAll('"', "'").replaceAll(/[\s,]/g, '_');
}

function checkModule(reading: Reading, module: Json, where: string): void {
  for (const [index, each] of reading.list(module['resources'], `${where}.resources`).entries())
    reading.place(each, `configuration.${where}.resources[${index}]`);
  const calls = module['module_calls'];
  if (calls === undefined || calls === null) return;
  for (const [name, raw] of Object.entries(reading.place(calls, `configuration.${where}.module_calls`))) {
    const call = reading.place(raw, `configuration.${where}.module_calls.${name}`);
    if (call['module'] === undefined) continue;
    const at = `${where}.module_calls.${name}.module`;
    checkModule(reading, reading.place(call['module'], `configuration.${at}`), at);
  }
}

/** The region of the AWS provider without an alias, if it is a constant or a variable with a value. */
function regionOf(configuration: unknown, variables: unknown): { region?: string } {
  const providers = isRecord(configuration) ? configuration['provider_config'] : undefined;
  const provider = isRecord(providers) ? providers['aws'] : undefined;
  const expressions = isRecord(provider) ? provider['expressions'] : undefined;
  const region = isRecord(expressions) ? expressions['region'] : undefined;
  if (!isRecord(region)) return {};
  const [reference] = Array.isArray(region['references']) ? region['references'] : [];
  const variable = isRecord(variables) ? variables[String(reference).replace(/^var\./, '')] : undefined;
  const value = region['constant_value'] ?? (isRecord(variable) ? variable['value'] : undefined);
  return typeof value === 'string' ? { region: value } : {};
}

function whyIncomplete(plan: Json): { incomplete?: string } {
  if (plan['errored'] === true)
    return { incomplete: 'planning ended with an error, so the plan is not whole' };
  const deferred = plan['deferred_changes'];
  if (plan['complete'] === false || (Array.isArray(deferred) && deferred.length > 0))
    return { incomplete: 'the plan says that it is not complete (targets or deferred changes)' };
  return {};
}

/** Splits a reference into names and text keys as text, and numeric keys as numbers. */
export function readTraversal(text: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const [whole, quoted, index] of text.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|[^.[\]]+/g)) {
    if (quoted !== undefined) steps.push(quoted.replaceAll(/\\(.)/g, '$1'));
    // `x[*].id` refers to every instance, as `x.id` does if there are several.
    else if (whole !== '*') steps.push(index === undefined ? whole : Number(index));
  }
  return steps;
}

/** Returns the references as they were written. Terraform lists each reference followed by all of its prefixes. */
export function wholeReferences(references: unknown): string[] {
  const texts = Array.isArray(references) ? references.map(String) : [];
  return texts.filter((text, index) => {
    const before = texts[index - 1];
    return before === undefined || !(before.startsWith(`${text}.`) || before.startsWith(`${text}[`));
  });
}

/** Returns the references at any depth of a block. */
export function referencesWithin(expressions: unknown): string[] {
  if (Array.isArray(expressions)) return expressions.flatMap(referencesWithin);
  if (typeof expressions !== 'object' || expressions === null) return [];
  return Object.entries(expressions).flatMap(([key, inner]) =>
    key === 'references' ? wholeReferences(inner) : key === 'constant_value' ? [] : referencesWithin(inner),
  );
}
