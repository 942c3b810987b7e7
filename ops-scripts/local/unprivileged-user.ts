// Finds an unprivileged user for Postgres, which refuses to run as root.
import { readFileSync } from 'node:fs';

export interface SystemUser {
  uid: number;
  gid: number;
}

/**
 * @returns undefined where we are not root and can run things as ourselves.
 * @throws where we are root and the system has neither a `postgres` nor a `nobody`.
 */
export function unprivilegedUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields?.[2] && fields[3]) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('Cannot run Postgres as root: make a user for it with `useradd --system postgres`');
}
