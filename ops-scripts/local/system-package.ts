// Finds a program on PATH, or installs it: as root by the package manager, otherwise unpacked into a folder.
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface ProgramWanted {
  program: string;
  packageName: string;
  /** The folder for packages if this process is not root. */
  toolsFolder: string;
  onProgress?: ((sentence: string) => void) | undefined;
}

/** @returns the program's path: on PATH, in the folders of system programs, or where an earlier start unpacked it */
export function findProgram(program: string, toolsFolder: string): string | undefined {
  const unpacked = join(toolsFolder, program);
  if (existsSync(unpacked)) return unpacked;
  try {
    // Users' PATH often lacks /usr/sbin, where Debian keeps HAProxy.
    const script = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/opt/homebrew/bin"; command -v "$1"';
    return execFileSync('sh', ['-c', script, 'sh', program], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Installs as root by the package manager. Otherwise it downloads the package and unpacks it under `toolsFolder`,
 * without any change to the system.
 * @throws one sentence with the command for this system
 */
export async function findOrInstallProgram(wanted: ProgramWanted): Promise<string> {
  const { program, packageName, toolsFolder, onProgress } = wanted;
  const present = findProgram(program, toolsFolder);
  if (present !== undefined) return present;
  const advice = `Install it with: ${installCommand(packageName)}`;
  try {
    if (findProgram('apt-get', toolsFolder) === undefined) throw new Error('This system has no apt-get');
    if (process.getuid?.() === 0) {
      onProgress?.(`installing the package ${packageName}`);
      await installAsRoot(packageName);
    } else {
      onProgress?.(`downloading the package ${packageName}`);
      await unpackProgram({ program, packageName, toolsFolder });
    }
  } catch (cause) {
    throw new Error(`Cannot find ${program}, nor install it. ${advice}`, { cause });
  }
  const installed = findProgram(program, toolsFolder);
  if (installed === undefined)
    throw new Error(`Cannot find ${program} in the package ${packageName}. ${advice}`);
  return installed;
}

async function installAsRoot(packageName: string): Promise<void> {
  // Runlevel 1 keeps the package's own service from starting.
  const install = () =>
    run(
      'env',
      [
        'DEBIAN_FRONTEND=noninteractive',
        'RUNLEVEL=1',
        'apt-get',
        'install',
        '--yes',
        '--no-install-recommends',
        packageName,
      ],
      { timeout: 180_000 },
    );
  try {
    await install();
  } catch {
    await run('apt-get', ['update'], { timeout: 120_000 });
    await install();
  }
}

function installCommand(packageName: string): string {
  const short = packageName.replace('-server', '');
  if (process.platform === 'darwin') return `brew install ${short}`;
  if (existsSync('/usr/bin/dnf')) return `sudo dnf install --assumeyes ${short}`;
  if (existsSync('/sbin/apk')) return `sudo apk add ${short}`;
  if (existsSync('/usr/bin/pacman')) return `sudo pacman --sync --noconfirm ${short}`;
  return `sudo apt-get install --yes ${packageName}`;
}

/** A Debian package to download with its dependencies and to unpack into a folder, without root. */
interface ProgramToUnpack {
  program: string;
  packageName: string;
  toolsFolder: string;
}

/** Creates `<toolsFolder>/<program>`, a script that becomes the real program with its libraries beside it. */
async function unpackProgram({ program, packageName, toolsFolder }: ProgramToUnpack): Promise<void> {
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
    // This machine has no package lists, or old ones, so they are downloaded into a separate folder.
    const own = ['-o', `Dir::State::Lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`];
    mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true });
    await run('apt-get', [...own, '-o', 'Debug::NoLocking=1', 'update'], { timeout: 120_000 });
    await downloadMissing(packageName, work, own);
  }
}

/**
 * Downloads what `apt-get install` would install here: the package and those of its dependencies that the system lacks.
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
  // With exec, the program takes over the script's process, so that its pid is the server's.
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
