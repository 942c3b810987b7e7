// `ops compliance`: judges a live account, a snapshot or templates, and ends with the exit code that says how it went.
import { writeFileSync } from 'node:fs';
import { Command, type CommanderError } from 'commander';
import {
  addAccessOptions,
  addIdleAccessOptions,
  addReportOptions,
  addSelectionOptions,
  type CheckOptions,
  readSelection,
  readText,
} from './command-options.ts';
import { compareReports } from './compare.ts';
import { ConfigFault } from './config-fault.ts';
import { exitCodeOf } from './exit-code.ts';
import { explainControl, listControls } from './explain.ts';
import { judge } from './judge.ts';
import { writeReport } from './report/write-report.ts';
import { type Mode, parseSnapshot, type Snapshot } from './snapshot.ts';
import { snapshotFromTemplates } from './template/template.ts';
import { applyWaivers, parseWaivers } from './waivers.ts';

export function complianceCommand(): Command {
  const command = new Command('compliance')
    .addCommand(checkCommand())
    .addCommand(snapshotCommand())
    .addCommand(
      new Command('explain')
        .argument('<control>')
        .description('Say what a control asks, why, and how it is judged')
        .action(guard((id: string) => console.log(explainControl(id)))),
    )
    .addCommand(
      new Command('list').description('List the controls').action(guard(() => console.log(listControls()))),
    )
    .addCommand(
      new Command('iam-policy').description('Print the least IAM policy that `check live` needs').action(
        guard(async () => {
          const { iamPolicy } = await import('./collect/iam-policy.ts');
          console.log(JSON.stringify(iamPolicy(), null, 2));
        }),
      ),
    )
    .addCommand(compareCommand())
    .addHelpText('after', examples);
  everyCommand(command, (each) => each.exitOverride(endUsage));
  return command;
}

const examples = `
Examples:
  $ npm run ops -- compliance check live --stack shop --region eu-west-1
  $ npm run ops -- compliance check snapshot account.json --output html --output-file report.html
  $ npm run ops -- compliance check template shop.yaml --parameter Environment=production
  $ npm run ops -- compliance explain asg-only-from-elb

Exit codes: 0 all pass, 1 any fail, 2 no fail but something unknown, 3 usage, config or credentials`;

function checkCommand(): Command {
  const live = addAccessOptions(checking('live', 'Judge the account that the AWS credentials open'))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check live --stack shop --profile audit --region eu-west-1',
    )
    .action(guard(async (options: CheckOptions) => report(await collectLive(options), 'live', options)));
  const snapshot = addIdleAccessOptions(checking('snapshot', 'Judge a saved snapshot'))
    .argument('<file>', 'written by `compliance snapshot`')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check snapshot account.json --load-balancer shop --output json',
    )
    .action(
      guard((file: string, options: CheckOptions) =>
        report(parseSnapshot(readText(file), file), 'snapshot', options),
      ),
    );
  const template = checking('template', 'Judge CloudFormation templates, as one account')
    .argument('<files...>', 'JSON or YAML')
    .option('--parameter <name=value>', 'value of a parameter, repeatable', collectParameter)
    .option('--region <region>', 'region of the stack', 'us-east-1')
    .option('--account <id>', 'account of the stack', '123456789012');
  addIdleAccessOptions(template)
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check template shop.yaml data.yaml --parameter Size=small',
    )
    .action(
      guard(
        async (
          files: string[],
          options: CheckOptions & { parameter?: Record<string, string>; account: string },
        ) => {
          for (const file of files) readText(file);
          const { parameter = {}, account, region = 'us-east-1' } = options;
          await report(
            await snapshotFromTemplates(files, { parameters: parameter, region, account }),
            'template',
            options,
          );
        },
      ),
    );
  return new Command('check')
    .description('Judge by all controls')
    .addCommand(live)
    .addCommand(snapshot)
    .addCommand(template);
}

function checking(name: string, description: string): Command {
  return addReportOptions(addSelectionOptions(new Command(name).description(description)));
}

/** The SDK is loaded only here: it takes longer to load than other commands to run. */
async function collectLive(options: CheckOptions) {
  const { collectSnapshot } = await import('./collect/collect.ts');
  return collectSnapshot(accessOf(options));
}

function snapshotCommand(): Command {
  return addAccessOptions(new Command('snapshot'))
    .description('Save what AWS answers, for judging later or elsewhere')
    .requiredOption('-o, --output-file <file>', 'where to write it')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance snapshot -o account.json --region eu-west-1',
    )
    .action(
      guard(async (options: CheckOptions & { outputFile: string }) => {
        save(options.outputFile, JSON.stringify(await collectLive(options), null, 2));
      }),
    );
}

function compareCommand(): Command {
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

async function report(snapshot: Snapshot, mode: Mode, options: CheckOptions): Promise<void> {
  const waivers =
    options.waivers === undefined ? [] : parseWaivers(readText(options.waivers), options.waivers);
  const judged = judge(snapshot, { mode, selection: readSelection(options), minZones: options.minZones });
  const result = applyWaivers(judged, waivers, new Date());
  const terminal = {
    color: process.stdout.isTTY === true && options.outputFile === undefined,
    width: process.stdout.columns ?? 120,
  };
  const text = writeReport(result, options.output, terminal, snapshot);
  if (options.outputFile === undefined) console.log(text);
  else save(options.outputFile, text);
  process.exitCode = exitCodeOf(result, options.failOn);
}

function accessOf({ profile, region, endpointUrl }: CheckOptions) {
  return {
    ...(profile ? { profile } : {}),
    ...(region ? { region } : {}),
    ...(endpointUrl ? { endpointUrl } : {}),
  };
}

function save(file: string, text: string): void {
  try {
    writeFileSync(file, `${text}\n`);
  } catch (error) {
    throw new ConfigFault(`Cannot write '${file}': ${(error as NodeJS.ErrnoException).code ?? error}`, {
      cause: error,
    });
  }
}

function collectParameter(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new ConfigFault(`Cannot use the parameter '${text}' as it is not <name>=<value>`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/**
 * A fault of usage, files or credentials is one sentence and exit code 3. So is whatever nobody foresaw: Node would end
 * with 1 for it, which here means that a control failed.
 */
function guard<A extends unknown[]>(
  action: (...args: A) => void | Promise<void>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      console.error(
        error instanceof ConfigFault
          ? message
          : `Cannot go on for an unforeseen fault: ${firstLine(message)}`,
      );
      process.exitCode = 3;
    }
  };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function everyCommand(command: Command, apply: (command: Command) => void): void {
  apply(command);
  for (const sub of command.commands) everyCommand(sub, apply);
}

/** Commander ends usage errors with 1, which here means a failed control. */
function endUsage(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : 3);
}
