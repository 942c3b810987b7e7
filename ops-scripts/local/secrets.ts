// A local shop's secrets: made once, kept in its data folder for its owner only, and printed once where they were
// generated.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { LocalSettings } from './config.ts';

/** Creates a local shop's secrets once and keeps them in its data folder, readable by its owner only. */
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

type AnnouncedPassword = 'operatorPassword' | 'staffPassword';

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
function markAnnounced(dataDir: string, shown: AnnouncedPassword[]): void {
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

const settingOf = { operatorPassword: 'OPERATOR_PASSWORD', staffPassword: 'STAFF_PASSWORD' } as const;

/** Prints a local shop's passwords: a generated one once, a configured one never. */
interface TellPasswords {
  /** @returns the password, or where it is found. */
  tell(name: AnnouncedPassword): string;
  /** Call after what was told is on the screen. */
  markTold(): void;
}

export function tellPasswords(
  settings: Pick<LocalSettings, AnnouncedPassword>,
  dataDir: string,
): TellPasswords {
  const secrets = keepSecrets(dataDir);
  const shown: AnnouncedPassword[] = [];
  return {
    tell(name) {
      if (settings[name] !== undefined) return `password as set in ${settingOf[name]}`;
      if (secrets.announced?.includes(name)) return `password in ${relative('', dataDir)}/secrets.json`;
      shown.push(name);
      return secrets[name];
    },
    markTold() {
      if (shown.length > 0) markAnnounced(dataDir, shown);
    },
  };
}
