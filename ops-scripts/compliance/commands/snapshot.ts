// `snapshot`: saves AWS's answers in a file, to be judged later or elsewhere.
import { Command } from 'commander';
import { collectLive } from './collect-live.ts';
import { save } from './files.ts';
import { guard } from './guard.ts';
import { type AccessOptions, addAccessOptions } from './options.ts';

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
