// Builds the stacks of all templates of one call: those that stand alone, and those nested in them.
import { isUnknownValue } from '../snapshot.ts';
import { isRecord, type Template } from './parse-template.ts';
import { Scope, type System, type TemplateOptions } from './scope.ts';
import { partsOf } from './text.ts';

/** The deepest nesting. A deeper one must be a stack that contains itself. */
const nestingLimit = 8;

/** Every stack, with parents before the stacks nested in them. One stack can import the exports of another. */
export function openSystem(templates: Template[], options: TemplateOptions): Scope[] {
  const stacks = openStacks(templates, options);
  // The stacks must be open to find shared ids, and the names of resources depend on those.
  const ids = stacks.flatMap(({ resources }) => Object.keys(resources));
  const seen = new Set<string>();
  const shared = new Set(ids.filter((id) => seen.size === seen.add(id).size));
  const { system } = stacks[0] ?? {};
  if (system === undefined) return [];
  system.shared = shared;
  for (const scope of stacks) gatherNames(scope);
  return stacks;
}

function openStacks(templates: Template[], options: TemplateOptions): Scope[] {
  const system: System = {
    options,
    exports: new Map(),
    stored: new Map(),
    shared: new Set(),
    choosable: new Map(),
    depth: 0,
  };
  const nested = new Set<Template>();
  const standing = templates.map((template) => new Scope(template, system, template.file));
  const within = new Map(
    standing.map((scope) => [
      scope,
      nest(scope, { templates, nested, path: standing.length > 1 ? scope.label : '', depth: 1 }),
    ]),
  );
  const roots = standing.filter(({ template }) => !nested.has(template));
  // Templates that contain one another in a circle are all nested. Then each counts as a stack of its own.
  return (roots.length > 0 ? roots : standing).flatMap((scope) => [scope, ...(within.get(scope) ?? [])]);
}

interface Nesting {
  /** All given templates. Those that turn out to be nested are added to `nested`. */
  templates: Template[];
  nested: Set<Template>;
  /** Labels of the enclosing stacks. */
  path: string;
  depth: number;
}

function nest(scope: Scope, { templates, nested, path, depth }: Nesting): Scope[] {
  if (depth > nestingLimit) return [];
  return Object.entries(scope.resources).flatMap(([id, { Type, Condition }]) => {
    const isNested = Type === 'AWS::CloudFormation::Stack' || Type === 'AWS::Serverless::Application';
    const template = isNested ? templateOf(scope, id, templates) : undefined;
    if (template === undefined) return [];
    nested.add(template);
    if (Condition !== undefined && scope.condition(Condition) === false) return [];
    const label = path === '' ? id : `${path}/${id}`;
    const child = new Scope(template, scope.system, label, { parent: scope, id });
    scope.children.set(id, child);
    return [child, ...nest(child, { templates, nested, path: label, depth: depth + 1 })];
  });
}

/** The given template of a nested stack; undefined where none or several match. */
function templateOf(scope: Scope, id: string, templates: Template[]): Template | undefined {
  const { Metadata: metadata } = scope.resources[id] ?? {};
  const asset = metadata?.['aws:asset:path'];
  const { TemplateURL: url, Location: location } = scope.properties(id);
  const folder = scope.template.file.split('/').slice(0, -1).join('/');
  for (const path of [asset, lastText(url ?? location)]) {
    if (typeof path !== 'string' || path === '') continue;
    const name = path
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1)!;
    const beside = normalize(`${folder === '' ? '' : `${folder}/`}${path}`);
    const exact = templates.find(({ file }) => normalize(file) === beside);
    const named = templates.filter(
      (template) =>
        template !== scope.template && (baseName(template.file) === name || template.hashes.includes(name)),
    );
    if (exact ?? (named.length === 1 ? named[0] : undefined)) return exact ?? named[0];
  }
  return undefined;
}

/** The last known part of a text. */
function lastText(url: unknown): string | undefined {
  if (typeof url === 'string') return url;
  const last = isUnknownValue(url) ? partsOf(url).at(-1) : undefined;
  return typeof last === 'string' ? last : undefined;
}

function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

function baseName(file: string): string {
  return file.split('/').at(-1)!;
}

/** Collects exports and values of Parameter Store, by name. */
function gatherNames(scope: Scope): void {
  const { exports, stored } = scope.system;
  for (const output of Object.values(scope.template.Outputs)) {
    if (!isRecord(output)) continue;
    if (typeof output.Condition === 'string' && scope.condition(output.Condition) === false) continue;
    const name = scope.evaluate(output.Export?.Name);
    if (typeof name === 'string') exports.set(name, { scope, value: output.Value });
  }
  for (const [id, { Type, Condition }] of Object.entries(scope.resources)) {
    if (Type !== 'AWS::SSM::Parameter' || Condition !== undefined) continue;
    const { Name: name } = scope.properties(id);
    const declared = scope.declared(id);
    if (typeof name === 'string' && isRecord(declared)) stored.set(name, { scope, value: declared['Value'] });
  }
}
