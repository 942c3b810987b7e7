// Finds a program on PATH, or installs it from the distribution's packages without asking.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackProgram } from './unpack-package.ts';

const run = promisify(execFile);

export interface ProgramWanted {
  program: string;
  packageName: string;
  /** Where a package is unpacked when we are not root. */
  toolsFolder: string;
  onProgress?: ((sentence: string) => void) | undefined;
}

/**
 * @returns the program's path: on PATH, in the folders of system programs, or unpacked under `toolsFolder` by an
 * earlier start.
 */
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
 * As root by the package manager; otherwise downloaded and unpacked under `toolsFolder`, nothing of the system touched.
 * @throws one sentence with the one command for this system.
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
  // Runlevel 1: the package's own service is not started.
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
