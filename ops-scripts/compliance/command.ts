// `ops compliance`: judges a live account, a snapshot or templates; the exit code gives the result.
import { Command, type CommanderError } from 'commander';
import { fitTerminal } from '../command-line.ts';
import { checkCommand } from './commands/check.ts';
import { fixCommand } from './commands/fix.ts';
import { compareCommand, snapshotCommand } from './commands/snapshots.ts';
import { ConfigFault, guard } from './config-fault.ts';
import { allControls } from './rules/all-controls.ts';

export function complianceCommand(): Command {
  const command = new Command('compliance')
    .addCommand(checkCommand())
    .addCommand(snapshotCommand())
    .addCommand(
      new Command('explain')
        .argument('<control>')
        .description('Say what a control asks, why, and how it is judged')
        .action(guard((id: string) => console.log(fitTerminal(explainControl(id))))),
    )
    .addCommand(
      new Command('list')
        .description('List the controls')
        .action(guard(() => console.log(fitTerminal(listControls())))),
    )
    .addCommand(
      new Command('iam-policy').description('Print the least IAM policy that `check live` needs').action(
        guard(async () => {
          const { iamPolicy } = await import('./collect/call-table.ts');
          console.log(JSON.stringify(iamPolicy(), null, 2));
        }),
      ),
    )
    .addCommand(compareCommand())
    .addCommand(fixCommand())
    .addHelpText('after', examples);
  everyCommand(command, (each) => each.exitOverride(endUsage));
  return command;
}

const examples = `
Examples:
  $ npm run ops -- compliance check live --stack shop --region eu-west-1
  $ npm run ops -- compliance check snapshot account.json \\
      --output html --output-file report.html
  $ npm run ops -- compliance check template shop.yaml \\
      --parameter Environment=production
  $ npm run ops -- compliance fix check-result.json account.json --simulate
  $ npm run ops -- compliance explain asg-only-from-elb

Exit codes: 0 all pass, 1 any fail, 2 no fail but something unknown,
3 usage, config or credentials`;

function everyCommand(command: Command, apply: (command: Command) => void): void {
  apply(command);
  for (const sub of command.commands) everyCommand(sub, apply);
}

/** Commander exits with 1 for wrong usage, but 1 means here that a control failed. */
function endUsage(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : 3);
}

/** A control that applies to several kinds of part is listed only once. */
const told = [...new Map(allControls.map((control) => [control.id as string, control])).values()];

export function explainControl(id: string): string {
  const control = told.find((each) => each.id === id);
  if (control === undefined) {
    throw new ConfigFault(`There is no control '${id}'; there are ${told.map((each) => each.id).join(', ')}`);
  }
  const calls = allControls
    .filter((each) => each.id === id)
    .flatMap(({ needs, consults }) => [...needs, ...consults]);
  return [
    `${control.id}: ${control.title}`,
    `Why: ${control.why}`,
    `How it is judged: ${control.how}`,
    `What it does not see: ${control.blind}`,
    `How to fix: ${control.remedy}`,
    `Rests on: ${[...new Set(calls)].join(', ')}`,
    `References: ${control.references.join(' · ')}`,
  ].join('\n\n');
}

export function listControls(): string {
  const width = Math.max(...told.map(({ id }) => id.length));
  return told.map(({ id, title }) => `${id.padEnd(width)}  ${title}`).join('\n');
}
