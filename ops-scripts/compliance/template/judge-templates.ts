// Reads the templates of a check and judges them. An unknown with only a few possible values is judged with each.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parse, parseDocument } from 'yaml';
import { ConfigFault, readText } from '../config-fault.ts';
import { type Finding, type Locate, type Report, type SourcePlace, summarize } from '../findings.ts';
import { type JudgeOptions, judge } from '../judge.ts';
import type { Snapshot } from '../snapshot.ts';
import { isRecord, parseTemplate, type Template } from './parse-template.ts';
import type { Scope, TemplateOptions } from './scope.ts';
import { openSystem } from './system.ts';
import { snapshotFromParsed } from './template.ts';

/** The most combinations that are tried, and the most resources in all of them together. */
const combinationLimit = 32;
const resourceLimit = 4_000;

export interface JudgedTemplates {
  /** The snapshot in which unknown values stay unknown. */
  snapshot: Snapshot;
  report: Report;
  /** Finds where a resource is declared. */
  locate: Locate;
}

export function judgeTemplates(
  templates: Template[],
  options: TemplateOptions,
  how: Omit<JudgeOptions, 'mode'>,
): JudgedTemplates {
  const judgeAs = (snapshot: Snapshot) => judge(snapshot, { ...how, mode: 'template' });
  const choosable: Choosable = new Map();
  const snapshot = snapshotFromParsed(templates, options, choosable);
  const report = judgeAs(snapshot);
  let located: Locate | undefined;
  // Places are only computed when a report asks for one, which few do.
  const locate: Locate = (id) => {
    located ??= locateResources(openSystem(templates, options));
    return located(id);
  };
  if (report.summary.unknown === 0 || choosable.size === 0) return { snapshot, report, locate };
  const completed = complete(templates, options, choosable);
  if (completed.length < 2) return { snapshot, report, locate };
  const tried = completed.map(judgeAs);
  const findings = report.findings.map((finding) => certainOf(finding, tried) ?? finding);
  return { snapshot, report: { ...report, findings, summary: summarize(findings) }, locate };
}

type Choosable = Map<string, unknown[]>;

/**
 * Builds a snapshot for every combination of values, up to the limit; further values stay unknown. One choice may lead
 * to another.
 */
function complete(templates: Template[], options: TemplateOptions, first: Choosable): Snapshot[] {
  const resources = templates.reduce((sum, { Resources }) => sum + Object.keys(Resources).length, 0);
  let left = Math.min(combinationLimit, Math.floor(resourceLimit / Math.max(1, resources)));
  const choose = (choices: Map<string, unknown>, choosable: Choosable): Snapshot[] => {
    const [key, values] = [...choosable].find(([each]) => !choices.has(each)) ?? [];
    if (key === undefined || values === undefined || values.length === 0 || values.length > left) return [];
    left -= values.length;
    return values.flatMap((value) => {
      const chosen = new Map([...choices, [key, value]]);
      const more: Choosable = new Map();
      const snapshot = snapshotFromParsed(templates, { ...options, choices: chosen }, more);
      const further = choose(chosen, more);
      return further.length > 0 ? further : [snapshot];
    });
  };
  return choose(new Map(), first);
}

/** Returns the pass or fail that every combination gives, or undefined where they differ. */
function certainOf(finding: Finding, tried: Report[]): Finding | undefined {
  if (finding.status !== 'unknown') return undefined;
  const same = tried.map(({ findings }) =>
    findings.filter(({ control, resource }) => control === finding.control && resource === finding.resource),
  );
  const [first] = same[0] ?? [];
  const agree = same.every((found) => found.length === 1 && found[0]!.status === first?.status);
  return agree && (first?.status === 'pass' || first?.status === 'fail') ? first : undefined;
}

/** Finds the place of a resource by its id. Each file is parsed once, when it is first needed. */
function locateResources(stacks: Scope[]): (id: string) => SourcePlace | undefined {
  const lines = new Map<Template, Map<string, number>>();
  return (id) => {
    for (const scope of stacks) {
      const logicalId = Object.keys(scope.resources).find((each) => scope.idOf(each) === id);
      if (logicalId === undefined) continue;
      const { template } = scope;
      const known = lines.get(template) ?? linesOf(template);
      lines.set(template, known);
      return { file: template.file, line: known.get(logicalId) ?? 1 };
    }
    const [first] = stacks;
    return first && { file: first.template.file, line: 1 };
  };
}

/** The line of each logical id, counted from 1. */
function linesOf({ text }: Template): Map<string, number> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: 'silent', strict: false });
  const resources = document.get('Resources', true) as unknown as { items?: { key?: KeyNode }[] } | undefined;
  return new Map(
    (resources?.items ?? []).flatMap(({ key }) =>
      key?.range ? [[String(key.value), counter.linePos(key.range[0]).line] as const] : [],
    ),
  );
}

interface KeyNode {
  value?: unknown;
  range?: [number, number, number];
}

export interface GivenTemplates {
  templates: Template[];
  /** The region and account of the stacks in CDK's manifest. */
  region?: string;
  account?: string;
  parameters: Record<string, string>;
}

/**
 * Reads templates. A file or folder that is named twice counts once. Throws a ConfigFault for a file that is not a
 * template.
 */
export function readTemplates(paths: string[]): GivenTemplates {
  const given: GivenTemplates = { templates: [], parameters: {} };
  const seen = new Set<string>();
  for (const path of paths) {
    if (existsSync(path) && statSync(path).isDirectory()) readFolder(path, given, seen);
    else readFile(path, given, seen);
  }
  return given;
}

function readFile(file: string, given: GivenTemplates, seen: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  const template = parseTemplate(readText(file), file);
  given.templates.push(template);
  const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.';
  template.hashes.push(...hashesOf(folder, file));
  // CDK writes the template of a nested stack beside that of its parent.
  for (const { Metadata: metadata } of Object.values(template.Resources)) {
    const asset = metadata?.['aws:asset:path'];
    const nested = typeof asset === 'string' ? join(folder, asset) : '';
    if (/\.(json|ya?ml)$/.test(nested) && existsSync(nested)) readFile(nested, given, seen);
  }
}

function readFolder(folder: string, given: GivenTemplates, seen: Set<string>): void {
  const manifest = parseFile(join(folder, 'manifest.json'));
  const artifacts = isRecord(manifest) && isRecord(manifest['artifacts']) ? manifest['artifacts'] : undefined;
  if (artifacts === undefined) {
    const files = readdirSync(folder).filter((name) => /\.template\.(json|ya?ml)$/.test(name));
    if (files.length === 0)
      throw new ConfigFault(
        `Cannot check '${folder}' as it has neither a manifest.json of CDK nor *.template.json`,
      );
    for (const name of files.sort()) readFile(join(folder, name), given, seen);
    return;
  }
  for (const artifact of Object.values(artifacts)) {
    if (!isRecord(artifact) || !isRecord(artifact['properties'])) continue;
    const { templateFile: file, directoryName: inner, parameters } = artifact['properties'];
    // CDK writes each stage into its own folder.
    if (artifact['type'] === 'cdk:cloud-assembly' && typeof inner === 'string')
      readFolder(join(folder, inner), given, seen);
    if (artifact['type'] !== 'aws:cloudformation:stack' || typeof file !== 'string') continue;
    readFile(join(folder, file), given, seen);
    if (isRecord(parameters)) Object.assign(given.parameters, textsOf(parameters));
    const [, account, region] = /^aws:\/\/([^/]*)\/(.*)$/.exec(String(artifact['environment'])) ?? [];
    if (region && region !== 'unknown-region') given.region ??= region;
    if (account && account !== 'unknown-account') given.account ??= account;
  }
}

function textsOf(record: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => typeof value === 'string'),
  ) as Record<string, string>;
}

/** The names of the file in URLs of CDK's assets. */
function hashesOf(folder: string, file: string): string[] {
  if (!file.endsWith('.template.json') || !existsSync(folder)) return [];
  const name = file.slice(file.lastIndexOf('/') + 1);
  return readdirSync(folder)
    .filter((each) => each.endsWith('.assets.json'))
    .flatMap((each) => {
      const assets = parseFile(join(folder, each));
      const files = isRecord(assets) && isRecord(assets['files']) ? assets['files'] : {};
      return Object.entries(files)
        .filter(
          ([, asset]) => isRecord(asset) && isRecord(asset['source']) && asset['source']['path'] === name,
        )
        .map(([hash]) => `${hash}.json`);
    });
}

/** Returns undefined for a file that does not exist or is not JSON. */
function parseFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Reads values by name from a list of `ParameterKey` and `ParameterValue`, a list of `Name=value`, `{"Parameters":
 * {…}}`, or a plain map. Throws a ConfigFault that names the file and the place.
 */
export function parseParameters(text: string, file: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = parse(text, { logLevel: 'error' });
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    throw new ConfigFault(`Cannot read '${file}' as parameters: ${why}`, { cause: error });
  }
  const entries = Array.isArray(parsed)
    ? parsed.flatMap((item) => readItem(item, file))
    : readMap(parsed, file);
  return Object.fromEntries(entries.map(([name, value]) => [name, readValue(value, name, file)]));
}

function readItem(item: unknown, file: string): [string, unknown][] {
  if (typeof item === 'string' && item.indexOf('=') > 0) {
    const at = item.indexOf('=');
    return [[item.slice(0, at), item.slice(at + 1)]];
  }
  if (!isRecord(item) || typeof item['ParameterKey'] !== 'string')
    throw new ConfigFault(`Cannot read '${file}' as parameters: an item of the list has no 'ParameterKey'`);
  const { ParameterKey: name, ParameterValue: value, UsePreviousValue: previous } = item;
  // The file does not contain the previous value.
  return value === undefined && previous === true ? [] : [[name as string, value]];
}

function readMap(parsed: unknown, file: string): [string, unknown][] {
  if (!isRecord(parsed))
    throw new ConfigFault(`Cannot read '${file}' as parameters as it is neither a list nor an object`);
  const inner = parsed['Parameters'];
  return Object.entries(isRecord(inner) ? inner : parsed);
}

function readValue(value: unknown, name: string, file: string): string {
  if (Array.isArray(value)) return value.map((item) => readValue(item, name, file)).join(',');
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value);
  throw new ConfigFault(`Cannot read '${file}' as parameters: the value of '${name}' is no text`);
}

/** Throws a ConfigFault for a name that no template declares. CloudFormation refuses it too. */
export function checkParameters(given: Record<string, string>, templates: Template[]): void {
  const declared = new Set(templates.flatMap(({ Parameters }) => Object.keys(Parameters)));
  const name = Object.keys(given).find((each) => !declared.has(each));
  if (name === undefined) return;
  const names = [...declared].sort().join(', ');
  const files = templates.map(({ file }) => file).join(', ');
  throw new ConfigFault(
    `There is no parameter '${name}' in ${files}${names === '' ? ', which has none' : `; there are ${names}`}`,
  );
}
