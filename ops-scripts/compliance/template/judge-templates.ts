// Judges templates. What is one of a few values is judged with each: a verdict that all of them share is certain.

import { LineCounter, parseDocument } from 'yaml';
import type { Finding, Locate, Report, SourcePlace } from '../findings.ts';
import { type JudgeOptions, judge, summarize } from '../judge.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Template } from './parse-template.ts';
import type { Scope, TemplateOptions } from './scope.ts';
import { openSystem } from './system.ts';
import { snapshotFromParsed } from './template.ts';

/** More combinations than this are not tried, nor more resources than these in all of them together. */
const combinationLimit = 32;
const resourceLimit = 4_000;

export interface JudgedTemplates {
  /** With what can't be known left unknown. */
  snapshot: Snapshot;
  report: Report;
  /** Where a resource is declared. */
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
  // Few reports ask for it.
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

/** Every way to choose, as far as the limit goes: what is left over stays unknown. One choice may bring up another. */
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

/** The finding that is the same whichever value is taken; undefined where they differ. */
function certainOf(finding: Finding, tried: Report[]): Finding | undefined {
  if (finding.status !== 'unknown') return undefined;
  const same = tried.map(({ findings }) =>
    findings.filter(({ control, resource }) => control === finding.control && resource === finding.resource),
  );
  const [first] = same[0] ?? [];
  const agree = same.every((found) => found.length === 1 && found[0]!.status === first?.status);
  return agree && (first?.status === 'pass' || first?.status === 'fail') ? first : undefined;
}

/** The place of each resource of these stacks, by its id; each file is read once, when the first is asked for. */
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

/** The line of each logical id, from 1. */
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
