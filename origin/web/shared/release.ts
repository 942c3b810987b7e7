// Identifies the release by a hash of all its sources, so that every change of a page has a new id.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** Twelve hexadecimal digits; the same on every machine that runs the same files. */
export const siteRelease = hashSources(new URL('../../', import.meta.url));

/** Everything in the folder counts: what shapes a page is not only its template. */
export function hashSources(folder: URL): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|css|js|svg|webmanifest)$/.test(name))
    .sort();
  for (const name of names)
    hash
      .update(`${name}\0`)
      .update(readFileSync(new URL(name, folder)))
      .update('\0');
  return hash.digest('hex').slice(0, 12);
}
