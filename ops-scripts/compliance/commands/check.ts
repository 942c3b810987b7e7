// `check`: judges a live account, a saved snapshot, templates or a Terraform plan, and writes the report.
import { Command } from 'commander';
import { judge } from '../judge.ts';
import { snapshotFromPlan } from '../plan/plan.ts';
import type { SourcePlace } from '../report/place.ts';
import { type Mode, parseSnapshot, type Snapshot } from '../snapshot.ts';
import { checkAccounts } from './check-accounts.ts';
import { checkTemplateCommand } from './check-template.ts';
import { collectLive } from './collect-live.ts';
import { readText } from './files.ts';
import { guard } from './guard.ts';
import { addAccessOptions, addIdleAccessOptions, type CheckOptions, howToJudge } from './options.ts';
import { checking, present } from './present.ts';

export function checkCommand(): Command {
  const live = addAccessOptions(checking('live', 'Judge the account that the AWS credentials open'))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check live --stack shop \\\n      --profile audit --region eu-west-1',
    )
    .option(
      '--accounts <file>',
      'ARNs of roles, one an account, with their regions: judge each, in one report',
    )
    .action(
      guard(async (options: CheckOptions) => {
        if (options.accounts === undefined) await report(await collectLive(options), 'live', options);
        else present(await checkAccounts(options.accounts, options), options);
      }),
    );
  const snapshot = addIdleAccessOptions(checking('snapshot', 'Judge a saved snapshot'))
    .argument('<file>', 'written by `compliance snapshot`')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check snapshot account.json \\\n      --load-balancer shop --output json',
    )
    .action(
      guard((file: string, options: CheckOptions) =>
        report(parseSnapshot(readText(file), file), 'snapshot', options),
      ),
    );
  return new Command('check')
    .description('Judge by all controls')
    .addCommand(live)
    .addCommand(snapshot)
    .addCommand(checkTemplateCommand())
    .addCommand(planCommand());
}

function planCommand(): Command {
  const plan = checking('plan', 'Judge what a Terraform plan makes of an account')
    .argument('<file>', 'written by `terraform show -json PLAN`')
    .option('--region <region>', 'region of the plan, where it does not say')
    .option('--account <id>', 'account of the plan');
  return addIdleAccessOptions(plan)
    .addHelpText(
      'after',
      '\nExample:\n  $ terraform show -json shop.tfplan > plan.json\n  $ npm run ops -- compliance check plan plan.json',
    )
    .action(
      guard((file: string, options: CheckOptions & { account?: string }) => {
        const { region, account } = options;
        const given = { ...(region ? { region } : {}), ...(account ? { account } : {}) };
        const text = readText(file);
        const snapshot = snapshotFromPlan(text, file, given);
        const judged = judge(snapshot, { mode: 'plan', ...howToJudge(options) });
        present(
          { snapshot, report: judged, locate: (resource) => placeInPlan(text, file, resource) },
          options,
        );
      }),
    );
}

async function report(snapshot: Snapshot, mode: Mode, options: CheckOptions): Promise<void> {
  present({ snapshot, report: judge(snapshot, { mode, ...howToJudge(options) }) }, options);
}

/** The line on which the plan tells the resource; the first where it is told by another name. */
function placeInPlan(text: string, file: string, resource: string): SourcePlace {
  const at = Math.max(text.indexOf(`"address": "${resource}"`), text.indexOf(`"address":"${resource}"`), 0);
  return { file, line: text.slice(0, at).split('\n').length };
}
