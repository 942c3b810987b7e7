// Runs an entry file of the shop as a part and waits until its /readyz answers.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { compileCacheFolder, fillCompileCache } from './compile-cache.ts';
import { logHint } from './log-hint.ts';
import { describeExit, type Part, type PartOptions, startPart } from './part.ts';
import { waitUntil } from './wait-until.ts';

export interface NodePartOptions {
  name: string;
  /** From the folder's root: "origin/main.ts". */
  entry: string;
  /** Where the release lies that is started; without it, this one. */
  releaseFolder?: string | undefined;
  env: Record<string, string | undefined>;
  logFile: string;
  /** Asked until it answers 2xx. */
  readyUrl: string;
  stopWithinMs?: number;
  onSpawned?: PartOptions['onSpawned'];
  deadlineMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Several processes share this machine: a young generation smaller than Node's 16 MB, and an origin's heap that never
 * takes more than 100 MB and some.
 */
function nodeFlags(entry: string): string[] {
  return entry === 'origin/main.ts'
    ? ['--max-semi-space-size=4', '--max-old-space-size=128']
    : ['--max-semi-space-size=4'];
}

const repositoryFolder = fileURLToPath(new URL('../../', import.meta.url));

/** @throws one sentence, nothing left running. */
export async function startNodePart(options: NodePartOptions): Promise<Part> {
  if (options.releaseFolder === undefined) await fillCompileCache();
  const part = await startPart({
    name: options.name,
    command: process.execPath,
    args: [...nodeFlags(options.entry), options.entry],
    cwd: options.releaseFolder ?? repositoryFolder,
    // One malloc arena: memory freed by compression threads is reused instead of kept by each thread.
    env: { NODE_COMPILE_CACHE: compileCacheFolder, MALLOC_ARENA_MAX: '1', ...options.env },
    logFile: options.logFile,
    stopWithinMs: options.stopWithinMs ?? 5_000,
    onSpawned: options.onSpawned,
  });
  let exit: string | undefined;
  part.exited.then((how) => {
    exit = `Cannot start ${part.name}: it ${describeExit(how)}${logHint(options.logFile)}`;
  });
  try {
    await waitUntil(() => answers(options.readyUrl), {
      what: `${part.name} to be ready`,
      deadlineMs: options.deadlineMs ?? 30_000,
      hopeless: () => exit,
      signal: options.signal,
    });
    return part;
  } catch (error) {
    await part.stop();
    throw error;
  }
}

/**
 * Whether it answers 2xx within 2 s. By Node's plain client: asked every few milliseconds while the processes load
 * their code, `fetch` would
 * take a fifth of a second of the processor from them.
 * @throws where it does not answer.
 */
export async function answers(url: string): Promise<boolean> {
  const request = get(url, { agent: false, signal: AbortSignal.timeout(2_000) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  const { statusCode = 0 } = response;
  return statusCode >= 200 && statusCode < 300;
}
