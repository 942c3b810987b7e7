// Creates a local shop's secrets once and keeps them in its data folder, readable by its owner only.
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
  /** Those that were shown to the owner, and are not shown again. */
  announced?: AnnouncedPassword[];
}

export type AnnouncedPassword = 'operatorPassword' | 'staffPassword';

export function keepSecrets(dataDir: string): KeptSecrets {
  const file = fileIn(dataDir);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const secrets: KeptSecrets = {
    postgresPassword: random(24),
    redisPassword: random(24),
    cookieKey: random(32),
    operatorPassword: random(12),
    staffPassword: random(12),
    edgePurgeKey: random(32),
  };
  write(dataDir, secrets);
  return secrets;
}

/** Call after they were shown: a start that fails in between shows them again, which is better than never. */
export function markAnnounced(dataDir: string, shown: AnnouncedPassword[]): void {
  const secrets = keepSecrets(dataDir);
  const announced = new Set([...(secrets.announced ?? []), ...shown]);
  write(dataDir, { ...secrets, announced: [...announced] });
}

/** Whole or not at all, and on the disk when this returns. */
function write(dataDir: string, secrets: KeptSecrets): void {
  const file = fileIn(dataDir);
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'secrets.json');
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
