// Before any command: installs by the lockfile where that has not been done yet. Plain JavaScript, because it runs on the machine's own Node
// before anything is installed. Speaks on stderr only; stdout belongs to the command that follows.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.installed-from`;
const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.error('Installing packages by the lockfile; this happens once and takes a minute or two');
  const npm = spawnSync('npm', ['ci', '--no-progress', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) {
    console.error('Cannot install packages: see the lines above; `npm ci` tries again');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}
