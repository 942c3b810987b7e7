// Finds secrets that are short enough to be guessed. The shop starts with them and warns once for each, without showing
// it.
import type { Settings } from './config.ts';

type Secrets = Pick<Settings, 'cookieKeys' | 'edgePurgeKey' | 'staff' | 'operatorPassword'>;

/** Longer for keys than for passwords: whoever holds one signature can try keys as fast as a machine counts. */
const goodKeyLength = 32;
const goodPurgeKeyLength = 16;
const goodPasswordLength = 10;

/** @returns a sentence a weak secret. */
export function findWeakSecrets({ cookieKeys, edgePurgeKey, staff, operatorPassword }: Secrets): string[] {
  const secrets: [name: string, secret: string | undefined, goodLength: number][] = [
    ...cookieKeys.map((key, index): [string, string, number] => [
      cookieKeys.length === 1 ? 'COOKIE_KEYS' : `COOKIE_KEYS (number ${index + 1})`,
      key,
      goodKeyLength,
    ]),
    ['EDGE_PURGE_KEY', edgePurgeKey, goodPurgeKeyLength],
    ['STAFF_PASSWORD', staff?.password, goodPasswordLength],
    ['OPERATOR_PASSWORD', operatorPassword, goodPasswordLength],
  ];
  return secrets
    .filter(([, secret, goodLength]) => secret !== undefined && secret.length < goodLength)
    .map(([name, , goodLength]) => `${name} is weak: it has fewer than ${goodLength} characters`);
}
