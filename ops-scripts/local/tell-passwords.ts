// Prints a local shop's passwords: a generated one once, a configured one never.
import { relative } from 'node:path';
import type { LocalSettings } from './config.ts';
import { type AnnouncedPassword, keepSecrets, markAnnounced } from './kept-secrets.ts';

const settingOf = { operatorPassword: 'OPERATOR_PASSWORD', staffPassword: 'STAFF_PASSWORD' } as const;

export interface TellPasswords {
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
