// Runs an entry file of the shop as a part until its /readyz answers, from a cache of compiled code.

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

/**
 * Keeps compiled and type-stripped code between starts, so that a second start reads it instead of compiling
 * again. This halves the time until a process is ready and saves each one the type stripper's memory. As in
 * package.json. Not among the packages, which only npm may change. A folder that cannot be written is done
 * without.
 */
export const compileCacheFolder = join(repositoryFolder, '.cache/compiled');

const parts = ['origin', 'worker', 'edge'];
/** What they are made of. */
const folders = ['http', ...parts];
const deadlineMs = 20_000;

let filled: Promise<void> | undefined;

/**
 * Fills the cache where code is newer than it, in a process of its own: a part that strips its own code holds some 20
 * MB for it as long
 * as it lives. Never fails: a part can do without.
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

/** All modules are loaded before any of them runs, and none runs where one asks for what does not exist. */
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
