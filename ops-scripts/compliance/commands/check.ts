// `check`: judges a live account, a saved snapshot, templates or a Terraform plan, and writes the report.
import { Command } from 'commander';
import { ConfigFault } from '../config-fault.ts';
import { exitCodeOf } from '../exit-code.ts';
import { judge } from '../judge.ts';
import { snapshotFromPlan } from '../plan/plan.ts';
import { writeReport } from '../report/write-report.ts';
import { type Mode, parseSnapshot, type Snapshot } from '../snapshot.ts';
import { checkParameters, parseParameters } from '../template/parameter-files.ts';
import { readTemplates } from '../template/read-templates.ts';
import { snapshotFromParsed } from '../template/template.ts';
import { applyWaivers, parseWaivers } from '../waivers.ts';
import { collectLive } from './collect-live.ts';
import { readText, save } from './files.ts';
import { guard } from './guard.ts';
import {
  addAccessOptions,
  addIdleAccessOptions,
  addReportOptions,
  addSelectionOptions,
  type CheckOptions,
  readSelection,
} from './options.ts';

export function checkCommand(): Command {
  const live = addAccessOptions(checking('live', 'Judge the account that the AWS credentials open'))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check live --stack shop \\\n      --profile audit --region eu-west-1',
    )
    .action(guard(async (options: CheckOptions) => report(await collectLive(options), 'live', options)));
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
      guard(async (file: string, options: CheckOptions & { account?: string }) => {
        const { region, account } = options;
        const given = { ...(region ? { region } : {}), ...(account ? { account } : {}) };
        await report(snapshotFromPlan(readText(file), file, given), 'plan', options);
      }),
    );
}

interface TemplateCheckOptions extends CheckOptions {
  parameter?: Record<string, string>;
  parameters?: string[];
  account?: string;
}

function checkTemplateCommand(): Command {
  const template = checking('template', 'Judge CloudFormation templates, as one account')
    .argument('<files...>', 'JSON or YAML, or a folder that CDK wrote (cdk.out)')
    .option('--parameter <name=value>', 'value of a parameter, repeatable', collectParameter)
    .option('--parameters <file>', "parameter file in one of CloudFormation's formats, repeatable", collect)
    .option('--region <region>', 'region of the stack (default: us-east-1, or as CDK says)')
    .option('--account <id>', 'account of the stack (default: 123456789012, or as CDK says)');
  return addIdleAccessOptions(template)
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check template shop.yaml data.yaml \\\n      --parameters production.json --parameter Size=small',
    )
    .action(
      guard(async (files: string[], options: TemplateCheckOptions) => {
        await report(snapshotOfTemplates(files, options), 'template', options);
      }),
    );
}

function snapshotOfTemplates(files: string[], options: TemplateCheckOptions): Snapshot {
  const given = readTemplates(files);
  const { region = given.region ?? 'us-east-1', account = given.account ?? '123456789012' } = options;
  const fromFiles = (options.parameters ?? []).map((file) => parseParameters(readText(file), file));
  const asked = Object.assign({}, ...fromFiles, options.parameter) as Record<string, string>;
  checkParameters(asked, given.templates);
  return snapshotFromParsed(given.templates, {
    parameters: { ...given.parameters, ...asked },
    region,
    account,
  });
}

function checking(name: string, description: string): Command {
  return addReportOptions(addSelectionOptions(new Command(name).description(description)));
}

async function report(snapshot: Snapshot, mode: Mode, options: CheckOptions): Promise<void> {
  const waivers =
    options.waivers === undefined ? [] : parseWaivers(readText(options.waivers), options.waivers);
  const { minZones, policy = 'chain' } = options;
  const judged = judge(snapshot, { mode, selection: readSelection(options), minZones, policy });
  const result = applyWaivers(judged, waivers, new Date());
  const columns = process.stdout.columns || Number(process.env['COLUMNS']);
  const terminal = {
    color: process.stdout.isTTY === true && !process.env['NO_COLOR'] && options.outputFile === undefined,
    width: columns || 120,
    isTerminal: columns > 0 && options.outputFile === undefined,
  };
  const text = writeReport(result, options.output, terminal, snapshot);
  if (options.outputFile === undefined) console.log(text);
  else save(options.outputFile, text);
  process.exitCode = exitCodeOf(result, options.failOn);
}

function collectParameter(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new ConfigFault(`Cannot use the parameter '${text}' as it is not <name>=<value>`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
