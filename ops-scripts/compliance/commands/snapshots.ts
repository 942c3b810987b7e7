// Commands on accounts: `snapshot` saves answers, `compare` lists what differs, `check live --accounts` judges several.
import { Command } from 'commander';
import { ConfigFault, guard, readText, save } from '../config-fault.ts';
import { exitCodeOf, type Finding, type Policy, type Report, summarize } from '../findings.ts';
import { judge } from '../judge.ts';
import type { Judged } from '../report/write-report.ts';
import { controlsOf } from '../rules/all-controls.ts';
import { emptySnapshot, parseSnapshot } from '../snapshot.ts';
import {
  type AccessOptions,
  addAccessOptions,
  addSelectionOptions,
  type CheckOptions,
  howToJudge,
  readSelection,
} from './options.ts';

export function snapshotCommand(): Command {
  return addAccessOptions(new Command('snapshot'))
    .description('Save what AWS answers, for judging later or elsewhere')
    .requiredOption('-o, --output-file <file>', 'where to write it')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance snapshot -o account.json --region eu-west-1',
    )
    .action(
      guard(async (options: AccessOptions & { outputFile: string }) => {
        save(options.outputFile, JSON.stringify(await collectLive(options), null, 2));
      }),
    );
}

/** Loads the SDK only here, because that takes longer than most commands run. */
export async function collectLive(options: AccessOptions) {
  const { collectSnapshot } = await import('../collect/collect.ts');
  return collectSnapshot(accessOf(options));
}

function accessOf({ profile, region, endpointUrl }: AccessOptions) {
  return {
    ...(profile ? { profile } : {}),
    ...(region ? { region } : {}),
    ...(endpointUrl ? { endpointUrl } : {}),
  };
}

/** `compare`: lists findings that differ between two snapshots. Its exit code is that of a check of the second one. */
export function compareCommand(): Command {
  return addSelectionOptions(new Command('compare'))
    .description('Say which verdicts differ between two snapshots, and why; exit code of the second')
    .argument('<before>')
    .argument('<after>')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance compare monday.json friday.json --stack shop',
    )
    .action(
      guard((before: string, after: string, options: CheckOptions & { json?: boolean }) => {
        const [was, is] = [before, after].map((file) =>
          judge(parseSnapshot(readText(file), file), {
            mode: 'snapshot',
            selection: readSelection(options),
            minZones: options.minZones,
            policy: options.policy ?? 'chain',
          }),
        );
        const changes = compareReports(was!, is!);
        if (options.json) console.log(JSON.stringify(changes, null, 2));
        else if (changes.length === 0) console.log('No verdict differs');
        else
          for (const { control, resource, before: old, after: now, why } of changes)
            console.log(`${control}  ${resource}: ${old} → ${now}\n  ${why}`);
        process.exitCode = exitCodeOf(is!, 'fail');
      }),
    );
}

export interface Change {
  control: string;
  resource: string;
  before: Finding['status'] | 'absent';
  after: Finding['status'] | 'absent';
  why: string;
}

/** Compares the findings of two snapshots, with the reasons before and after. */
export function compareReports(before: Report, after: Report): Change[] {
  const key = ({ control, resource }: Finding) => `${control}|${resource}`;
  const old = new Map(before.findings.map((finding) => [key(finding), finding]));
  const fresh = new Map(after.findings.map((finding) => [key(finding), finding]));
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((id) => {
    const [was, is] = [old.get(id), fresh.get(id)];
    if (was?.status === is?.status && (was?.status === 'pass' || was?.reason === is?.reason)) return [];
    const { control, resource } = (is ?? was)!;
    const why =
      is === undefined
        ? 'the part is gone'
        : was === undefined
          ? `new: ${is.reason}`
          : `${is.reason} (before: ${was.reason})`;
    return [{ control, resource, before: was?.status ?? 'absent', after: is?.status ?? 'absent', why }];
  });
}

/** The most accounts and regions that are asked at a time. */
const accountsAtOnce = 4;

export async function checkAccounts(file: string, options: CheckOptions): Promise<Judged> {
  const { boundedMap } = await import('../collect/collect.ts');
  const targets = parseAccounts(readText(file), file);
  const reports: Report[] = [];
  await boundedMap([...targets.entries()], accountsAtOnce, async ([index, target]) => {
    reports[index] = await checkAccount(target, options);
  });
  const report = mergeReports(reports);
  return { report, snapshot: emptySnapshot(report.account, report.region, new Date()) };
}

/**
 * Judges one account. If its role can't be assumed, its controls are unknown and the other accounts are still judged.
 */
async function checkAccount(target: AccountTarget, options: CheckOptions): Promise<Report> {
  const { collectSnapshot } = await import('../collect/collect.ts');
  const { profile, endpointUrl } = options;
  const region = target.region ?? options.region;
  const how = howToJudge(options);
  try {
    const snapshot = await collectSnapshot({
      ...(profile ? { profile } : {}),
      ...(region ? { region } : {}),
      ...(endpointUrl ? { endpointUrl } : {}),
      role: target,
      progress: { step() {}, end() {} },
    });
    return judge({ ...snapshot, account: snapshot.account || target.account }, { ...how, mode: 'live' });
  } catch (error) {
    const [why] = (error instanceof Error ? error.message : String(error)).split('\n');
    const told = { ...target, ...(region ? { region } : {}) };
    return reportOfDenied(told, `${target.roleArn} cannot be taken: ${why}`, how.policy ?? 'chain');
  }
}

/** One account in one region, and how to get access. */
interface AccountTarget {
  roleArn: string;
  /** Twelve digits, as in the role's ARN. */
  account: string;
  /** Unset: the region of the command line, the profile or the environment. */
  region?: string;
  externalId?: string;
}

/**
 * Reads a JSON list of ARNs or of `{ "role", "regions", "externalId" }`, or lines of one ARN with its regions.
 * Throws a ConfigFault that names the file and the mistake.
 */
export function parseAccounts(text: string, file: string): AccountTarget[] {
  const targets = readEntries(text, file).flatMap((entry) => toTargets(entry, file));
  if (targets.length === 0) throw new ConfigFault(`Cannot use '${file}' as it names no role`);
  return targets;
}

function readEntries(text: string, file: string): unknown[] {
  if (!/^\s*[[{]/.test(text)) {
    const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
    return lines.filter(Boolean).map((line) => {
      const [role, ...regions] = line.split(/[\s,]+/);
      return { role, regions };
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigFault(`Cannot read '${file}' as a list of roles as it is not JSON`, { cause: error });
  }
  const list = Array.isArray(parsed) ? parsed : (parsed as { accounts?: unknown }).accounts;
  if (!Array.isArray(list))
    throw new ConfigFault(`Cannot read '${file}' as a list of roles as it is no list`);
  return list;
}

function toTargets(entry: unknown, file: string): AccountTarget[] {
  const given = (typeof entry === 'string' ? { role: entry } : (entry ?? {})) as Record<string, unknown>;
  const roleArn = given['role'] ?? given['roleArn'];
  const { regions = [], externalId } = given;
  const [, account] = /^arn:[\w-]+:iam::(\d{12}):role\/.+$/.exec(String(roleArn)) ?? [];
  if (typeof roleArn !== 'string' || account === undefined)
    throw new ConfigFault(`Cannot use '${file}': '${String(roleArn)}' is not the ARN of a role`);
  if (!Array.isArray(regions) || !regions.every((each) => typeof each === 'string'))
    throw new ConfigFault(`Cannot use '${file}': the regions of '${roleArn}' are no list of text`);
  const target = { roleArn, account, ...(typeof externalId === 'string' ? { externalId } : {}) };
  return regions.length === 0 ? [target] : regions.map((region) => ({ ...target, region }));
}

/** Returns the report of an account that refused access: every control is unknown. */
export function reportOfDenied({ account, region = '' }: AccountTarget, why: string, policy: Policy): Report {
  const findings = controlsOf(policy).map(
    ({ id }): Finding => ({
      control: id,
      status: 'unknown',
      resource: 'account',
      reason: why,
      warnings: [],
    }),
  );
  const calls = { made: 1, denied: 1 };
  const summary = summarize(findings);
  return { format: 'myclothes-compliance/1', mode: 'live', account, region, summary, findings, calls };
}

/** Merges several reports into one. A part that only has a name gets its account and region as a prefix. */
export function mergeReports(reports: Report[]): Report {
  const findings = reports.flatMap(({ account, region, findings: own }) =>
    own.map((finding) =>
      finding.resource.startsWith('arn:')
        ? finding
        : { ...finding, resource: [account, region, finding.resource].filter(Boolean).join('/') },
    ),
  );
  const each = (name: 'account' | 'region') =>
    [...new Set(reports.map((report) => report[name]))].filter(Boolean).join(', ');
  const sum = (name: 'made' | 'denied') => reports.reduce((total, { calls }) => total + calls[name], 0);
  return {
    format: 'myclothes-compliance/1',
    mode: 'live',
    account: each('account'),
    region: each('region'),
    summary: summarize(findings),
    findings,
    calls: { made: sum('made'), denied: sum('denied') },
  };
}
