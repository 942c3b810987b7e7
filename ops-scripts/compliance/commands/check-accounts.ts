// `check live --accounts`: judges each account and region by a role of its own, a few at a time, in one report.

import { ConfigFault, readText } from '../config-fault.ts';
import type { Finding, Policy, Report } from '../findings.ts';
import { judge, summarize } from '../judge.ts';
import type { Judged } from '../report/write-report.ts';
import { controlsOf } from '../rules/all-controls.ts';
import { emptySnapshot } from '../snapshot.ts';
import { type CheckOptions, howToJudge } from './options.ts';

/** Accounts and regions that are asked at a time. */
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

/** An account whose role can't be taken is unknown, and the others are judged all the same. */
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

/** One account in one region, and how to get in. */
interface AccountTarget {
  roleArn: string;
  /** Twelve digits, as the role's ARN has them. */
  account: string;
  /** Unset: that of the command line, the profile or the environment. */
  region?: string;
  externalId?: string;
}

/**
 * A JSON list of ARNs, or of `{ "role", "regions", "externalId" }`, or one ARN a line with regions after it.
 * Throws a ConfigFault that names the file and what is wrong.
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

/** What an account that lets nobody in is told as: each control is unknown. */
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

/** One report of all; a part that is told by a name alone is told by its account and region too. */
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
