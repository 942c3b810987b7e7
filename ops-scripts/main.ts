// The operators' command line: `npm run ops -- <command>`; each folder beside this file brings one command.
import { Command } from 'commander';
import { catalogCommand } from './catalog/command.ts';
import { complianceCommand } from './compliance/command.ts';
import { dbCommand } from './db/command.ts';
import { infraCommand } from './infra/command.ts';
import { jobsCommand } from './jobs/command.ts';

const program = new Command('ops')
  .description('Operate MyClothes.com: compliance checks, infrastructure, jobs, catalog, database')
  .showHelpAfterError('(add --help for the options)')
  .addCommand(complianceCommand())
  .addCommand(infraCommand())
  .addCommand(jobsCommand(process.env))
  .addCommand(catalogCommand(process.env))
  .addCommand(dbCommand(process.env));

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
