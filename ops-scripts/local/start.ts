// `npm start`: runs the whole shop on one machine until Ctrl-C, and leaves no process running.
import { type LocalSettings, readLocalSettings } from './config.ts';
import { tellPasswords } from './data-folder.ts';
import { explainError, runUntilStopped } from './run-until-stopped.ts';
import { createSteps, type Shop, startShop } from './shop.ts';

/** Loads commander only if there are arguments, because a plain start is faster without it. */
async function readArguments(): Promise<void> {
  const { Command } = await import('commander');
  const { makeAlike } = await import('../command-line.ts');
  const description =
    'Run the whole shop on this machine: Postgres, Redis, catalog, origin, worker. Settings come from the environment, such as PORT and DATA_DIR; README lists them all.';
  await makeAlike(new Command('npm start --').description(description))
    .action(() => undefined)
    .parseAsync();
}

/** @returns the exit code */
async function runShop(): Promise<number> {
  if (process.argv.length > 2) await readArguments();
  const settings = readLocalSettings();
  const { startedByNpm } = settings;
  return runUntilStopped({ startedByNpm, report }, async ({ signal, giveUp }) => {
    const shop = await startShop(settings, {
      signal,
      step: createSteps(report),
      onEvent: report,
      onGiveUp: giveUp,
    });
    announce(settings, shop);
    return shop.stop;
  });
}

function announce(settings: LocalSettings, { storefrontUrl, workerUrl, dataDir }: Shop): void {
  const passwords = tellPasswords(settings, dataDir);
  console.log(`ready ${storefrontUrl}`);
  console.log(`API        ${storefrontUrl}/api/docs`);
  console.log(inLine(`Dashboard  ${workerUrl}/jobs`, `operator, ${passwords.tell('operatorPassword')}`));
  console.log(
    inLine(`Staff      ${storefrontUrl}/staff`, `${settings.staffEmail}, ${passwords.tell('staffPassword')}`),
  );
  passwords.markTold();
}

/** Puts the second text on its own line if the terminal is too narrow. Programs always get one line. */
function inLine(address: string, who: string): string {
  const line = `${address}  ${who}`;
  const { isTTY, columns } = process.stdout;
  return isTTY && columns < line.length ? `${address}\n${' '.repeat(11)}${who}` : line;
}

function report(sentence: string): void {
  console.error(sentence);
}

process.exitCode = await runShop().catch((error) => {
  console.error(explainError(error));
  return 1;
});
