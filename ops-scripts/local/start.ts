// `npm start`: runs the whole shop on one machine until Ctrl-C, and leaves nothing running behind.
import { relative } from 'node:path';
import { readLocalSettings } from './config.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { sayWhatToDo } from './say-what-to-do.ts';
import { type Shop, startShop } from './shop.ts';
import { createSteps } from './steps.ts';

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
    announce(shop);
    return shop.stop;
  });
}

function announce(shop: Shop): void {
  const { storefrontUrl, workerUrl, staff, operatorPassword, firstStart } = shop;
  const kept = `password in ${relative('', shop.dataDir)}/secrets.json`;
  console.log(`ready ${storefrontUrl}`);
  console.log(`API        ${storefrontUrl}/api/docs`);
  console.log(`Dashboard  ${workerUrl}/jobs  operator, ${firstStart ? operatorPassword : kept}`);
  console.log(`Staff      ${storefrontUrl}/staff  ${staff.email}, ${firstStart ? staff.password : kept}`);
}

function say(sentence: string): void {
  console.error(sentence);
}

process.exitCode = await runShop().catch((error) => {
  console.error(sayWhatToDo(error));
  return 1;
});
