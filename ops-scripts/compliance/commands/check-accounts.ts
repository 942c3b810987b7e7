// `check live --accounts`: judges each account and region by a role of its own, a few at a time, in one report.
import { type AccountTarget, mergeReports, parseAccounts, reportOfDenied } from '../accounts.ts';
import type { Report } from '../findings.ts';
import { judge } from '../judge.ts';
import type { Judged } from '../report/write-report.ts';
import { emptySnapshot } from '../snapshot.ts';
import { readText } from './files.ts';
import { type CheckOptions, howToJudge } from './options.ts';

/** Accounts and regions that are asked at a time. */
const accountsAtOnce = 4;

export async function checkAccounts(file: string, options: CheckOptions): Promise<Judged> {
  const { boundedMap } = await import('../collect/bounded-map.ts');
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
