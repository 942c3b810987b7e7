// Installs servers and the browser for tests, which npm does not contain, if that needs no question; else says how.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian's package for each program. */
const packages: Record<string, string> = {
  'redis-server': 'redis-server',
  haproxy: 'haproxy',
  chromium: 'chromium',
  pgbouncer: 'pgbouncer',
  logrotate: 'logrotate',
  // It includes promtool, which runs the tests of the alert rules.
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
};

export async function installSystemPackages(): Promise<void> {
  const missing = Object.entries(packages).filter(([program]) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const names = missing.map(([, name]) => name);
  const apt = findProgram('apt-get');
  if (apt === undefined || process.getuid?.() !== 0) {
    console.error(
      `Tests that need ${names.join(', ')} are skipped or bring their own; to run them all: sudo apt-get install ${names.join(' ')}`,
    );
    return;
  }
  console.error(`Installing ${names.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync(apt, ['update', '-qq'], { stdio: ['ignore', 2, 2], env });
  // The packages' services are not started, because tests start their own servers.
  const options = ['-y', '-qq', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0'];
  spawnSync(apt, ['install', ...options, ...names], {
    stdio: ['ignore', 2, 2],
    env: { ...env, RUNLEVEL: '1' },
  });
}

/** @returns the program's path, or undefined if it is not on the PATH */
export function findProgram(name: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin']) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return undefined;
}
