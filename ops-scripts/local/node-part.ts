// Runs an entry file of the shop as a part, with cached compiled code, and waits until its /readyz answers.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describeExit, logHint, type PartOptions, type RunningPart, startPart } from './part.ts';
import { waitUntil } from './wait-until.ts';

interface NodePartOptions {
  name: string;
  /** The path from the folder's root: "origin/main.ts". */
  entry: string;
  /** The folder of the release to start; without it, this release. */
  releaseFolder?: string | undefined;
  env: Record<string, string | undefined>;
  logFile: string;
  /** This address is requested until it answers 2xx. */
  readyUrl: string;
  stopWithinMs?: number;
  onSpawned?: PartOptions['onSpawned'];
  deadlineMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Limits memory, because several processes share this machine: a smaller young generation than Node's 16 MB, and for an
 * origin a heap of little more than 100 MB.
 */
function nodeFlags(entry: string): string[] {
  return entry === 'origin/main.ts'
    ? ['--max-semi-space-size=4', '--max-old-space-size=128']
    : ['--max-semi-space-size=4'];
}

const repositoryFolder = fileURLToPath(new URL('../../', import.meta.url));

/** @throws one sentence, with nothing left running */
export async function startNodePart(options: NodePartOptions): Promise<RunningPart> {
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
 * Whether it answers 2xx within 2 s. Uses Node's plain client: it is called every few milliseconds while the processes
 * load, and `fetch` would take a fifth of a second of processor time from them.
 * @throws if it does not answer
 */
export async function answers(url: string): Promise<boolean> {
  const request = get(url, { agent: false, signal: AbortSignal.timeout(2_000) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  const { statusCode = 0 } = response;
  return statusCode >= 200 && statusCode < 300;
}

/**
 * Keeps compiled and type-stripped code between starts. This halves the time until a process is ready and saves each
 * process the type stripper's memory. package.json names the same folder. It is outside of the packages, which only npm
 * may change. An unwritable folder is ignored.
 */
export const compileCacheFolder = join(repositoryFolder, '.cache/compiled');

const parts = ['origin', 'worker', 'edge'];
/** The folders with their code. */
const folders = ['http', ...parts];
const deadlineMs = 20_000;

let filled: Promise<void> | undefined;

/**
 * Fills the cache if the code is newer. This runs in another process, because a part that strips types keeps some 20 MB
 * for it as long as it lives. Never fails, because a part can start without the cache.
 */
export function fillCompileCache(): Promise<void> {
  filled ??= fillWhereOld().catch(() => undefined);
  return filled;
}

async function fillWhereOld(): Promise<void> {
  const stamp = stampOfCode();
  const stampFile = join(compileCacheFolder, 'stamp');
  if ((await readFile(stampFile, 'utf8').catch(() => undefined)) === stamp) return;
  await mkdir(compileCacheFolder, { recursive: true });
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', loadOnly()], {
    env: { NODE_COMPILE_CACHE: compileCacheFolder },
    timeout: deadlineMs,
  });
  await writeFile(stampFile, stamp);
}

/**
 * Code that loads all modules without running any: it imports a name that does not exist, so Node stops before it runs
 * them.
 */
function loadOnly(): string {
  const missing = 'thisExportDoesNotExist';
  const entries = parts.map((part) => pathToFileURL(join(repositoryFolder, part, 'start.ts')).href);
  const imports = entries.map((entry) => `import ${JSON.stringify(entry)};`);
  const module = `${imports.join('')} import { ${missing} } from 'node:process';`;
  return `await import(${JSON.stringify(`data:text/javascript,${encodeURIComponent(module)}`)})
    .catch((error) => { if (!error.message.includes('${missing}')) throw error; });`;
}

function stampOfCode(): string {
  const stamp = createHash('sha256').update(process.version);
  for (const part of folders) {
    for (const name of readdirSync(join(repositoryFolder, part), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const { mtimeMs, size } = statSync(join(repositoryFolder, part, name));
      stamp.update(`${part}/${name} ${mtimeMs} ${size}\n`);
    }
  }
  return stamp.digest('hex');
}
