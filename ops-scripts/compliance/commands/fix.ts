// `fix --simulate`: shows those fixes of a result that a trial on a copy has proven. It never changes the account.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { ConfigFault, guard, readText } from '../config-fault.ts';
import { controlIds, type Finding, type Policy, type Report, type Status } from '../findings.ts';
import { applyCommand } from '../fixes/apply-command.ts';
import { Unproven } from '../fixes/change-snapshot.ts';
import { patchPlan } from '../fixes/patch-plan.ts';
import { patchTemplate } from '../fixes/patch-template.ts';
import { unifiedDiff } from '../fixes/unified-diff.ts';
import { judge } from '../judge.ts';
import { parsePlan } from '../plan/parse-plan.ts';
import { snapshotFromPlan } from '../plan/plan.ts';
import type { SelectionOptions } from '../selection/select-stack.ts';
import { parseSnapshot, type Snapshot } from '../snapshot.ts';
import { judgeTemplates, readTemplates } from '../template/judge-templates.ts';
import { parseTemplate } from '../template/parse-template.ts';
import { addTemplateOptions, type TemplateCheckOptions, templateOptionsOf } from './check.ts';
import { addSelectionOptions, howToJudge } from './options.ts';

type FixOptions = TemplateCheckOptions & { simulate?: boolean; json?: boolean };

export interface Proof {
  finding: Finding;
  /** The command to type or the change to make; undefined where the fix is not proven. */
  text?: string;
  /** Why the fix is not proven. */
  why?: string;
  /** A side effect of the fix, such as that it replaces the part. */
  note?: string;
}

/** Applies the lines of a fix to a copy. Returns what to show, and the report of the copy. */
type Trial = (lines: string[]) => { text: string; report: Report };

export function fixCommand(): Command {
  const command = new Command('fix')
    .description(
      'Show the fixes of a result of `check --output json`, each proven by trying it on what was checked',
    )
    .argument('<result>', 'JSON of a check')
    .argument(
      '[files...]',
      'what was checked: a snapshot, templates or a plan; else it is looked for beside the result',
    )
    .option('--simulate', 'try each fix and judge again; nothing is ever applied')
    .option('--json', 'print JSON');
  return addTemplateOptions(addSelectionOptions(command))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance fix check-result.json account.json --simulate\n\nExit codes: 0 each failure has a proven fix, 1 one has none, 3 usage',
    )
    .action(
      guard((result: string, files: string[], options: FixOptions) => {
        if (!options.simulate)
          throw new ConfigFault('Give --simulate: a fix is shown once it is proven, and never applied');
        const report = parseReport(readText(result), result);
        const trial = findTrial(report, result, files, options);
        const proofs = proveFixes(report, trial);
        console.log(options.json ? JSON.stringify(proofs, null, 2) : describe(proofs));
        process.exitCode = proofs.every(({ text }) => text !== undefined) ? 0 : 1;
      }),
    );
}

function parseReport(text: string, file: string): Report {
  let parsed: Partial<Report>;
  try {
    parsed = JSON.parse(text) as Partial<Report>;
  } catch (error) {
    throw new ConfigFault(`Cannot read '${file}' as the result of a check as it is not JSON`, {
      cause: error,
    });
  }
  if (parsed?.format !== 'myclothes-compliance/1' || !Array.isArray(parsed.findings))
    throw new ConfigFault(`Cannot read '${file}' as a result as its format is not 'myclothes-compliance/1'`);
  return parsed as Report;
}

function describe(proofs: Proof[]): string {
  if (proofs.length === 0) return 'Nothing fails';
  const told = proofs.map(({ finding, text, why, note }) => {
    const head = `# ${finding.control} of ${finding.resource}`;
    return text === undefined
      ? `${head}: no proven fix, ${why}`
      : `${head}: closes it, nothing gets worse${note === undefined ? '' : `; ${note}`}\n${text}`;
  });
  return told.join('\n\n');
}

/**
 * Applies each fix to a copy of what was judged and judges it again. A fix is proven if its finding closes and no other
 * finding gets worse.
 */
function proveFixes(report: Report, trial: Trial): Proof[] {
  return report.findings
    .filter(({ status }) => status === 'fail')
    .map((finding) => {
      try {
        if (finding.fix === undefined) throw new Unproven('no fix is known for it');
        const { text, report: after } = trial(finding.fix.split(/\n| && /));
        const why = whyNotProven(report, after, finding);
        if (why !== undefined) return { finding, why };
        const [, note] = /\((this replaces it[^)]*)\)/.exec(finding.fix) ?? [];
        return { finding, text, ...(note === undefined ? {} : { note }) };
      } catch (error) {
        if (!(error instanceof Unproven) && !(error instanceof ConfigFault)) throw error;
        return { finding, why: error.message };
      }
    });
}

const ranks: Record<Status, number> = { pass: 0, waived: 0, unknown: 1, fail: 2 };

function whyNotProven(before: Report, after: Report, { control, resource }: Finding): string | undefined {
  const same = (a: Finding, b: Pick<Finding, 'control' | 'resource'>) =>
    a.control === b.control && a.resource === b.resource;
  const closed = after.findings.find((each) => same(each, { control, resource }));
  if (closed === undefined) return 'the part is no longer found once it is applied';
  if (closed.status !== 'pass') return `it would still be '${closed.status}': ${closed.reason}`;
  const worse = after.findings.find((now) => {
    const was = before.findings.find((each) => same(each, now));
    return ranks[now.status] > (was === undefined ? 0 : ranks[was.status]);
  });
  return worse && `${worse.control} of ${worse.resource} would be '${worse.status}': ${worse.reason}`;
}

/**
 * Finds the judged files that give the same result as before. If none is named, it tries the files of the result's
 * folder.
 */
function findTrial(report: Report, result: string, files: string[], options: FixOptions): Trial {
  const folder = dirname(result);
  const beside = () =>
    readdirSync(folder === '' ? '.' : folder)
      .filter((name) => /\.(json|ya?ml|template)$/.test(name))
      .map((name) => join(folder, name))
      .filter((file) => file !== result && existsSync(file));
  const sets = files.length > 0 ? [files] : beside().map((file) => [file]);
  if (files.length === 0 && report.mode === 'template') sets.push(beside());
  const isNamed = files.length > 0;
  for (const set of sets) {
    for (const selection of [undefined, selectionOf(report)]) {
      for (const strict of report.mode === 'plan' ? [false, true] : [false]) {
        const opened = attemptOpen(report, set, selection, { ...options, isNamed, strict });
        if (opened !== undefined) return opened;
      }
    }
  }
  throw new ConfigFault(
    files.length > 0
      ? `Cannot prove the fixes as ${files.join(', ')} does not give the result in '${result}'`
      : `Cannot prove the fixes as nothing beside '${result}' gives its result: name what was checked`,
  );
}

/** Returns undefined if the files give another result, or if they were not named and are of another kind. */
function attemptOpen(
  report: Report,
  files: string[],
  selection: SelectionOptions | undefined,
  options: FixOptions & { isNamed: boolean; strict: boolean },
): Trial | undefined {
  const how = { ...howToJudge(options), policy: policyOf(report), ...(selection ? { selection } : {}) };
  try {
    if (report.mode === 'template') return trialOnTemplates(report, files, how, options);
    const text = readText(files[0]!);
    const isPlan = report.mode === 'plan';
    const given = { region: report.region, account: report.account, strict: options.strict };
    const snapshot = isPlan ? snapshotFromPlan(text, files[0]!, given) : parseSnapshot(text, files[0]!);
    const judgeAgain = (each: Snapshot) => judge(each, { ...how, mode: report.mode });
    if (!isSame(judgeAgain(snapshot), report)) return undefined;
    return (lines) => {
      const instances = isPlan ? parsePlan(text, files[0]!).instances : [];
      const copy = structuredClone(snapshot);
      const shown = lines.map((line) => {
        if (isPlan) return patchPlan({ snapshot: copy, instances }, line);
        applyCommand(copy, line);
        return line;
      });
      return { text: shown.join('\n'), report: judgeAgain(copy) };
    };
  } catch (error) {
    if (options.isNamed || !(error instanceof ConfigFault)) throw error;
    return undefined;
  }
}

function trialOnTemplates(
  report: Report,
  files: string[],
  how: ReturnType<typeof howToJudge>,
  options: FixOptions,
): Trial | undefined {
  const given = readTemplates(files);
  const asked = templateOptionsOf(given, { ...options, region: report.region, account: report.account });
  if (!isSame(judgeTemplates(given.templates, asked, how).report, report)) return undefined;
  return (lines) => {
    let templates = given.templates;
    for (const line of lines) {
      const patched = templates.map((template) => patchOne(template, line));
      if (patched.every((template, index) => template === templates[index]))
        throw new Unproven('what it changes does not stand in the files as such');
      templates = patched;
    }
    const diffs = templates.map(({ file, text }, index) =>
      unifiedDiff(file, given.templates[index]!.text, text),
    );
    return { text: diffs.filter(Boolean).join('\n'), report: judgeTemplates(templates, asked, how).report };
  };
}

type ParsedTemplate = ReturnType<typeof parseTemplate>;

/** Returns the template unchanged if the fix is about a resource of another file. */
function patchOne(template: ParsedTemplate, line: string): ParsedTemplate {
  // A resource that several files declare has the label of its file or stack before its name.
  const [, label] = /(?:of|rule|to) (\S+):\w+/.exec(line) ?? [];
  if (label !== undefined && label !== template.file) return template;
  const named = Object.keys(template.Resources).some((id) => new RegExp(`\\b${id}\\b`).test(line));
  if (!named) return template;
  const text = patchTemplate(template.text, line.replaceAll(`${template.file}:`, ''));
  return { ...parseTemplate(text, template.file), hashes: template.hashes };
}

function policyOf({ findings }: Report): Policy {
  const chain = new Set<string>(controlIds);
  const ofChain = findings.filter(({ control }) => chain.has(control)).length;
  return ofChain === findings.length ? 'chain' : ofChain === 0 ? 'hardening' : 'all';
}

/** Selects the parts that the result is about, for results of a check that named its parts. */
function selectionOf({ findings }: Report): SelectionOptions {
  const of = (control: string) =>
    findings.filter((finding) => finding.control === control).map(({ resource }) => resource);
  return {
    loadBalancer: of('elb-multi-az'),
    autoScalingGroup: of('asg-multi-az'),
    cache: of('cache-multi-az'),
    database: of('database-multi-az'),
  };
}

/** Compares without waivers: they change the status of a failure but not what was found. */
function isSame(now: Report, then: Report): boolean {
  const key = ({ control, resource, status }: Report['findings'][number]) =>
    `${control}|${resource}|${status === 'waived' ? 'fail' : status}`;
  return JSON.stringify(now.findings.map(key).sort()) === JSON.stringify(then.findings.map(key).sort());
}
