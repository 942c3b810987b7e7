// The operators' command line, `npm run ops -- <command>`. Each folder beside it is a command, loaded when named.
import { Command } from 'commander';
import { makeAlike } from './command-line.ts';

interface Loadable {
  summary: string;
  load: () => Promise<Command>;
}

const commands: Record<string, Loadable> = {
  compliance: {
    summary: 'Judge what an AWS account really lets in, and whether each part survives the loss of a zone',
    load: async () => (await import('./compliance/command.ts')).complianceCommand(),
  },
  infra: {
    summary: 'The shop on AWS, as code',
    load: async () => (await import('./infra/command.ts')).infraCommand(),
  },
  aws: {
    summary: 'Run a command on a machine of the shop on AWS',
    load: async () => (await import('./aws/command.ts')).awsCommand(),
  },
  jobs: {
    summary: 'See and mend the background work',
    load: async () => (await import('./jobs/command.ts')).jobsCommand(process.env),
  },
  catalog: {
    summary: "Bring products in and out as Shopify's product CSV",
    load: async () => (await import('./catalog/command.ts')).catalogCommand(process.env),
  },
  backup: {
    summary: 'Make, list, verify and restore backups of the database',
    load: async () => (await import('./backup/command.ts')).backupCommand(process.env),
  },
  access: {
    summary: 'See who has a second factor, and help who has lost it',
    load: async () => (await import('./access/command.ts')).accessCommand(process.env),
  },
  privacy: {
    summary: 'Export and erase a guest who asks by letter; erase again after a restore',
    load: async () => (await import('./privacy/command.ts')).privacyCommand(process.env),
  },
  db: {
    summary: 'Look at and bring up to date the database',
    load: async () => (await import('./db/command.ts')).dbCommand(process.env),
  },
};

const program = new Command('npm run ops --').description(
  'Operate MyClothes.com: compliance checks, infrastructure, AWS, jobs, catalog, backups, access, privacy, database',
);
// The first word that is a command, so that `ops help jobs` finds it too.
const named = process.argv.slice(2).find((word) => Object.hasOwn(commands, word));

try {
  for (const [name, { summary, load }] of Object.entries(commands)) {
    program.addCommand((name === named ? await load() : new Command(name)).description(summary));
  }
  // Compliance keeps its own exit codes, so that it could be a package of its own.
  for (const command of program.commands) if (command.name() !== 'compliance') makeAlike(command);
  makeAlike(program, { alone: true });
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
