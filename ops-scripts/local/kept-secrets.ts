// Secrets of a local shop are made once and kept in its data folder, where only its owner can read them.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KeptSecrets {
  postgresPassword: string;
  redisPassword: string;
  cookieKey: string;
  operatorPassword: string;
  staffPassword: string;
  edgePurgeKey: string;
}

/** @returns the secrets, and whether they were made now. */
export function keepSecrets(dataDir: string): { secrets: KeptSecrets; fresh: boolean } {
  const file = join(dataDir, 'secrets.json');
  if (existsSync(file)) return { secrets: JSON.parse(readFileSync(file, 'utf8')), fresh: false };
  const secrets: KeptSecrets = {
    postgresPassword: random(24),
    redisPassword: random(24),
    cookieKey: random(32),
    operatorPassword: random(12),
    staffPassword: random(12),
    edgePurgeKey: random(32),
  };
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return { secrets, fresh: true };
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
