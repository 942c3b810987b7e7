// `compare`: lists findings that differ between two snapshots; exits as a check of the second does.
import { Command } from 'commander';
import { compareReports } from '../compare.ts';
import { exitCodeOf } from '../exit-code.ts';
import { judge } from '../judge.ts';
import { parseSnapshot } from '../snapshot.ts';
import { readText } from './files.ts';
import { guard } from './guard.ts';
import { addSelectionOptions, type CheckOptions, readSelection } from './options.ts';

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
