// Runs a command that has parts: starts it, waits for a stop request, stops it within 10 s, and reports an error in
// one sentence.
import { explainError } from './explain-error.ts';
import { listenForStop } from './stop-requests.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface RunContext {
  /** Aborts when it is time to stop, also in the midst of the start. */
  signal: AbortSignal;
  /** The whole must stop, and this sentence says why. */
  giveUp: (sentence: string) => void;
}

const stopWithinMs = 9_500;

/**
 * @param start starts everything and returns how to stop it.
 * @returns the exit code: 0 if it was asked to stop, 1 if it failed.
 */
export async function runUntilStopped(
  options: { startedByNpm: boolean; report: (sentence: string) => void },
  start: (context: RunContext) => Promise<() => Promise<void>>,
): Promise<number> {
  // Whoever reads our output may go away; that is no reason to die.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  // Leaving at once lets the orphanReaper end what still runs.
  const stop = listenForStop(options.startedByNpm, () => process.exit(130));
  stop.signal.addEventListener('abort', () => {
    setTimeout(() => process.exit(1), stopWithinMs).unref();
  });
  let failure: string | undefined;
  const giveUp = (sentence: string) => {
    failure = sentence;
    stop.request(sentence);
  };
  try {
    const end = await start({ signal: stop.signal, giveUp });
    await unlessAborted(stop.signal, new Promise(() => {})).catch(() => {});
    await end();
  } catch (error) {
    if (!stop.signal.aborted) failure = explainError(error);
  }
  stop.close();
  if (failure !== undefined) options.report(failure);
  return failure === undefined ? 0 : 1;
}
