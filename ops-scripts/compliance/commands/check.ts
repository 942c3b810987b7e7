// `check`: judges a live account, a saved snapshot, templates or a Terraform plan, and writes the report.
import { Command } from 'commander';
import { ConfigFault, guard, readText, save } from '../config-fault.ts';
import { applyWaivers, exitCodeOf, parseWaivers, type SourcePlace } from '../findings.ts';
import { judge } from '../judge.ts';
import { judgePlan } from '../plan/plan.ts';
import { type Judged, writeReport } from '../report/write-report.ts';
import { type Mode, parseSnapshot, type Snapshot } from '../snapshot.ts';
import {
  checkParameters,
  type GivenTemplates,
  judgeTemplates,
  parseParameters,
  readTemplates,
} from '../template/judge-templates.ts';
import type { TemplateOptions } from '../template/scope.ts';
import {
  addAccessOptions,
  addIdleAccessOptions,
  addReportOptions,
  addSelectionOptions,
  type CheckOptions,
  howToJudge,
} from './options.ts';
import { checkAccounts, collectLive } from './snapshots.ts';

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
    .option('--account <id>', 'account of the plan')
    .option('--strict', 'what may be a list or a choice is unknown, and not a list with a warning');
  return addIdleAccessOptions(plan)
    .addHelpText(
      'after',
      '\nExample:\n  $ terraform show -json shop.tfplan > plan.json\n  $ npm run ops -- compliance check plan plan.json',
    )
    .action(
      guard((file: string, options: CheckOptions & { account?: string; strict?: boolean }) => {
        const { region, account, strict = false } = options;
        const given = { ...(region ? { region } : {}), ...(account ? { account } : {}), strict };
        const text = readText(file);
        const judged = judgePlan(text, file, given, howToJudge(options));
        present({ ...judged, locate: (resource) => placeInPlan(text, file, resource) }, options);
      }),
    );
}

async function report(snapshot: Snapshot, mode: Mode, options: CheckOptions): Promise<void> {
  present({ snapshot, report: judge(snapshot, { mode, ...howToJudge(options) }) }, options);
}

/** Finds the line on which the plan has the resource; the first line where the plan calls it by another name. */
function placeInPlan(text: string, file: string, resource: string): SourcePlace {
  // Findings write the keys of `for_each` in single quotes.
  const address = JSON.stringify(resource.replaceAll("'", '"'));
  const at = Math.max(text.indexOf(`"address": ${address}`), text.indexOf(`"address":${address}`), 0);
  return { file, line: text.slice(0, at).split('\n').length };
}

export interface TemplateCheckOptions extends CheckOptions {
  parameter?: Record<string, string>;
  parameters?: string[];
  account?: string;
}

/** `check template`: judges CloudFormation templates, also those of SAM and CDK, as one system. */
function checkTemplateCommand(): Command {
  const template = checking('template', 'Judge CloudFormation templates, as one system').argument(
    '<files...>',
    'JSON or YAML, or a folder that CDK wrote (cdk.out)',
  );
  return addIdleAccessOptions(addTemplateOptions(template))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check template shop.yaml data.yaml \\\n      --parameters production.json --parameter Size=small',
    )
    .action(
      guard((files: string[], options: TemplateCheckOptions) => {
        const given = readTemplates(files);
        const judged = judgeTemplates(
          given.templates,
          templateOptionsOf(given, options),
          howToJudge(options),
        );
        present(judged, options);
      }),
    );
}

export function addTemplateOptions(command: Command): Command {
  return command
    .option('--parameter <name=value>', 'value of a parameter, repeatable', collectParameter)
    .option('--parameters <file>', "parameter file in one of CloudFormation's formats, repeatable", collect)
    .option('--region <region>', 'region of the stack (default: us-east-1, or as CDK says)')
    .option('--account <id>', 'account of the stack (default: 123456789012, or as CDK says)');
}

/**
 * Returns the parameters and the place of the deployment. Throws a ConfigFault for a parameter that no template
 * declares.
 */
export function templateOptionsOf(
  given: GivenTemplates,
  options: Pick<TemplateCheckOptions, 'parameter' | 'parameters' | 'region' | 'account'>,
): TemplateOptions {
  const { region = given.region ?? 'us-east-1', account = given.account ?? '123456789012' } = options;
  const fromFiles = (options.parameters ?? []).map((file) => parseParameters(readText(file), file));
  const asked = Object.assign({}, ...fromFiles, options.parameter) as Record<string, string>;
  checkParameters(asked, given.templates);
  return { parameters: { ...given.parameters, ...asked }, region, account };
}

function collectParameter(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new ConfigFault(`Cannot use the parameter '${text}' as it is not <name>=<value>`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A check with the options that all kinds of check have. */
function checking(name: string, description: string): Command {
  return addReportOptions(addSelectionOptions(new Command(name).description(description)));
}

/** Applies waivers, writes the report in the requested format, and sets the exit code. */
function present(judged: Judged, options: CheckOptions): void {
  const waivers =
    options.waivers === undefined ? [] : parseWaivers(readText(options.waivers), options.waivers);
  const result = applyWaivers(judged.report, waivers, new Date());
  const columns = process.stdout.columns || Number(process.env['COLUMNS']);
  const terminal = {
    color: process.stdout.isTTY === true && !process.env['NO_COLOR'] && options.outputFile === undefined,
    width: columns || 120,
    isTerminal: columns > 0 && options.outputFile === undefined,
  };
  const text = writeReport({ ...judged, report: result }, options.output, terminal);
  if (options.outputFile === undefined) console.log(text);
  else save(options.outputFile, text);
  process.exitCode = exitCodeOf(result, options.failOn);
}
