// The operators' command line: `npm run ops -- <command>`; each folder beside this file brings one command.
import { Command } from 'commander';
import { complianceCommand } from './compliance/command.ts';

const program = new Command('ops')
  .description('Operate MyClothes.com: compliance checks, jobs, catalog, database')
  .showHelpAfterError('(add --help for the options)')
  .addCommand(complianceCommand());

await program.parseAsync();
