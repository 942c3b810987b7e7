// Judges templates. What is one of a few values is judged with each: a verdict that all of them share is certain.
import type { Finding, Report } from '../findings.ts';
import { type JudgeOptions, judge, summarize } from '../judge.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Template } from './parse-template.ts';
import type { TemplateOptions } from './scope.ts';
import { snapshotFromParsed } from './template.ts';

/** More combinations than this are not tried, nor more resources than these in all of them together. */
const combinationLimit = 32;
const resourceLimit = 10_000;

export interface JudgedTemplates {
  /** With what can't be known left unknown. */
  snapshot: Snapshot;
  report: Report;
}

export function judgeTemplates(
  templates: Template[],
  options: TemplateOptions,
  how: Omit<JudgeOptions, 'mode'>,
): JudgedTemplates {
  const choosable = new Map<string, unknown[]>();
  const snapshot = snapshotFromParsed(templates, options, choosable);
  const report = judge(snapshot, { ...how, mode: 'template' });
  const resources = templates.reduce((sum, { Resources }) => sum + Object.keys(Resources).length, 0);
  const most = Math.min(combinationLimit, Math.floor(resourceLimit / Math.max(1, resources)));
  const combinations = combine(choosable, most);
  if (report.summary.unknown === 0 || combinations.length < 2) return { snapshot, report };
  const tried = combinations.map((choices) =>
    judge(snapshotFromParsed(templates, { ...options, choices }), { ...how, mode: 'template' }),
  );
  const findings = report.findings.map((finding) => certainOf(finding, tried) ?? finding);
  return { snapshot, report: { ...report, findings, summary: summarize(findings) } };
}

/** Every combination of as many of the values as stay below `most`; those left over stay unknown. */
function combine(choosable: Map<string, unknown[]>, most: number): Map<string, unknown>[] {
  let combinations: Map<string, unknown>[] = [new Map()];
  for (const [key, values] of choosable) {
    if (values.length === 0 || combinations.length * values.length > most) continue;
    combinations = combinations.flatMap((chosen) =>
      values.map((value) => new Map([...chosen, [key, value]])),
    );
  }
  return combinations;
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
