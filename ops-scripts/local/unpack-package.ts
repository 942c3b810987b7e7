// Downloads a Debian package with its dependencies and unpacks them into a folder, without root.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProgramToUnpack {
  program: string;
  packageName: string;
  toolsFolder: string;
}

/** Leaves `<toolsFolder>/<program>`, a script that becomes the real program with its libraries beside it. */
export async function unpackProgram({ program, packageName, toolsFolder }: ProgramToUnpack): Promise<void> {
  mkdirSync(toolsFolder, { recursive: true });
  const work = mkdtempSync(join(resolve(toolsFolder), 'unpack-'));
  try {
    await downloadPackages(packageName, work);
    const unpacked = join(work, 'root');
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(work, file), unpacked], { timeout: 60_000 });
    }
    const root = join(resolve(toolsFolder), `${packageName}.root`);
    rmSync(root, { recursive: true, force: true });
    renameSync(unpacked, root);
    writeStarter(root, join(resolve(toolsFolder), program), program);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function downloadPackages(packageName: string, work: string): Promise<void> {
  try {
    await downloadMissing(packageName, work, []);
  } catch {
    // No package lists on this machine, or old ones: fetch them into a folder of our own.
    const own = ['-o', `Dir::State::Lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`];
    mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true });
    await run('apt-get', [...own, '-o', 'Debug::NoLocking=1', 'update'], { timeout: 120_000 });
    await downloadMissing(packageName, work, own);
  }
}

/**
 * What `apt-get install` would install here: the package itself and those of its dependencies that the system lacks.
 */
async function downloadMissing(packageName: string, work: string, options: string[]): Promise<void> {
  const plan = await run(
    'apt-get',
    [...options, '--simulate', '--no-install-recommends', 'install', packageName],
    { timeout: 60_000 },
  );
  const names = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
  await run('apt-get', [...options, 'download', ...names], { cwd: work, timeout: 180_000 });
}

function writeStarter(root: string, starter: string, program: string): void {
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => librariesBelow(join(root, folder)));
  const found = ['usr/bin', 'usr/sbin', 'bin', 'sbin']
    .map((folder) => join(root, folder))
    .find((folder) => list(folder).includes(program));
  if (found === undefined) throw new Error(`The package has no ${program}`);
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  // exec: the program takes over the script's process, so that its pid is the server's.
  writeFileSync(
    starter,
    `#!/bin/sh\nLD_LIBRARY_PATH=${quoted(libraries.join(':'))} exec ${quoted(join(found, program))} "$@"\n`,
  );
  chmodSync(starter, 0o755);
}

/** The folder and those directly in it, such as usr/lib/x86_64-linux-gnu. */
function librariesBelow(folder: string): string[] {
  return [folder, ...list(folder).map((name) => join(folder, name))];
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
