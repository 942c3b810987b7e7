// Keeps compiled and type-stripped code between starts, so that a second start reads it instead of compiling again.
// This halves the time until a process is ready and saves each one the type stripper's memory.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const repositoryFolder = fileURLToPath(new URL('../../', import.meta.url));

/**
 * As in package.json. Not among the packages, which only npm may change. A folder that cannot be written is done
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
