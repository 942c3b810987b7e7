// `npm start`: runs the whole shop on one machine until Ctrl-C, and leaves nothing running behind.
import { relative } from 'node:path';
import { readLocalSettings } from './config.ts';
import { sayWhatToDo } from './say-what-to-do.ts';
import { type Shop, startShop } from './shop.ts';
import { createSteps } from './steps.ts';
import { listenForStop } from './stop-requests.ts';
import { unlessAborted } from './unless-aborted.ts';

const stopWithinMs = 9_500;

async function main(): Promise<number> {
  const settings = readLocalSettings();
  // Whoever reads our output may go away; that is no reason to die.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  // Leaving at once lets the undertaker end what still runs.
  const stop = listenForStop(settings.startedByNpm, () => process.exit(130));
  stop.signal.addEventListener('abort', () => setTimeout(() => process.exit(1), stopWithinMs).unref());
  let failure: string | undefined;
  let shop: Shop | undefined;
  try {
    shop = await startShop(settings, {
      signal: stop.signal,
      step: createSteps(say),
      onEvent: say,
      onGiveUp: (sentence) => {
        failure = sentence;
        stop.request(sentence);
      },
    });
    announce(shop);
    await unlessAborted(stop.signal, new Promise(() => {}));
  } catch (error) {
    if (!stop.signal.aborted) failure = sayWhatToDo(error);
  }
  await shop?.stop();
  stop.close();
  if (failure === undefined) return 0;
  say(failure);
  return 1;
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

process.exitCode = await main().catch((error) => {
  say(sayWhatToDo(error));
  return 1;
});
