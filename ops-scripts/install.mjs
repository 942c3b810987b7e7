// Runs before any command: installs by the lockfile if a package is missing.
// It is plain JavaScript, because it runs on the machine's own Node before anything is installed. It only writes to
// stderr, because stdout belongs to the command that follows.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Tests and checks also need the development packages. The shop and its operators' commands do not.
const withDevelopment = process.argv.includes('--with-development');
const oldestNode = 20;
const ownNote = 'node_modules/.installed-from';
const npmsNote = 'node_modules/.package-lock.json';

if (Number.parseInt(process.versions.node, 10) < oldestNode) {
  end(
    `Cannot install packages: Node ${process.versions.node} is too old, install Node ${oldestNode} or newer`,
  );
}
if (!isInstalled()) {
  const release = waitForTurn();
  try {
    // Another command may have installed them meanwhile.
    if (!isInstalled()) install();
  } finally {
    release();
  }
}

/**
 * Reads this script's note of an installation. Without it, compares the lockfile with npm's note, which npm writes once
 * all packages are in place.
 */
function isInstalled() {
  const note = read(ownNote);
  if (note === noteOf(true) || (!withDevelopment && note === noteOf(false))) return true;
  const installed = readPackages(npmsNote);
  if (installed === undefined) return false;
  return Object.entries(readPackages('package-lock.json') ?? {}).every(([path, wanted]) => {
    const found = installed[path];
    if (found !== undefined) return found.version === wanted.version && found.integrity === wanted.integrity;
    const needed = withDevelopment || !(wanted.dev || wanted.devOptional);
    return path === '' || wanted.optional === true || !needed;
  });
}

function install() {
  if (!withDevelopment && isProduction()) {
    end("Cannot start: the packages are not those of package-lock.json. Run 'npm ci --omit=dev' first");
  }
  console.error('Installing packages by the lockfile; this happens once and takes a minute or two');
  const include = withDevelopment ? ['--include=dev'] : [];
  const npm = spawnSync('npm', ['ci', '--no-progress', '--loglevel=error', ...include], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PATH: pathOfMachine() },
  });
  if (npm.error !== undefined) end(`Cannot install packages: npm could not be run (${npm.error.code})`);
  if (npm.status !== 0) end("Cannot install packages: see the lines above; 'npm ci' tries again");
  writeFileSync(root + ownNote, noteOf(hasDevelopment(readPackages(npmsNote) ?? {})));
}

/** @param {boolean} development false if npm was told to leave the development packages out */
function noteOf(development) {
  const lock = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex');
  return development ? lock : `${lock} without development`;
}

/** Whether somebody installed without development packages. This script does not change such an installation. */
function isProduction() {
  const installed = readPackages(npmsNote);
  return installed !== undefined && !hasDevelopment(installed);
}

function hasDevelopment(packages) {
  return Object.values(packages).some(({ dev }) => dev === true);
}

function readPackages(file) {
  try {
    return JSON.parse(read(file)).packages;
  } catch {
    return undefined;
  }
}

function read(file) {
  try {
    return readFileSync(root + file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * npm has to run on the machine's own Node, because the shop's Node is one of the packages, which npm removes first.
 */
function pathOfMachine() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !folder.endsWith('node_modules/.bin')).join(delimiter);
}

/** Commands that start together in a fresh clone install once. The lock of a dead process is removed. */
function waitForTurn() {
  const lock = `${root}.installing`;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST')
        end(`Cannot write to ${root} (${error.code}): packages are installed there`);
      if (!isAlive(holderOf(lock))) rmSync(lock, { force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

/** An empty lock file was created a moment ago, so it counts as held. */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8')) || process.pid;
  } catch {
    return process.pid;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function end(sentence) {
  console.error(sentence);
  process.exit(1);
}
