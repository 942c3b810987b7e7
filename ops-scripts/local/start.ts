// `npm start`: runs the whole shop on one machine until Ctrl-C, and leaves nothing running behind.
import { type LocalSettings, readLocalSettings } from './config.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { sayWhatToDo } from './say-what-to-do.ts';
import { type Shop, startShop } from './shop.ts';
import { createSteps } from './steps.ts';
import { tellPasswords } from './tell-passwords.ts';

/** @returns the exit code. */
async function runShop(): Promise<number> {
  const settings = readLocalSettings();
  const { startedByNpm } = settings;
  return runUntilStopped({ startedByNpm, say }, async ({ signal, giveUp }) => {
    const shop = await startShop(settings, {
      signal,
      step: createSteps(say),
      onEvent: say,
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
  console.log(`Dashboard  ${workerUrl}/jobs  operator, ${passwords.tell('operatorPassword')}`);
  console.log(
    `Staff      ${storefrontUrl}/staff  ${settings.staffEmail}, ${passwords.tell('staffPassword')}`,
  );
  passwords.markTold();
}

function say(sentence: string): void {
  console.error(sentence);
}

process.exitCode = await runShop().catch((error) => {
  console.error(sayWhatToDo(error));
  return 1;
});
