// `ops compliance`: judges a live account, a snapshot or templates; the exit code gives the result.
import { Command, type CommanderError } from 'commander';
import { checkCommand } from './commands/check.ts';
import { compareCommand } from './commands/compare.ts';
import { fixCommand } from './commands/fix.ts';
import { guard } from './commands/guard.ts';
import { snapshotCommand } from './commands/snapshot.ts';
import { explainControl, listControls } from './explain.ts';

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

/** Commander ends usage errors with 1, which here means a failed control. */
function endUsage(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : 3);
}
