// Identifies the release by a hash of all its sources; its cache tag invalidates all pages that it made.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { TagVersions } from '../../../http/cache-tag.ts';

/** Twelve hexadecimal digits; the same on every machine that runs the same files. */
export const siteRelease = hashSources(new URL('../../', import.meta.url));

/** Everything in the folder counts: what shapes a page is not only its template. */
export function hashSources(folder: URL): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|css|js|svg|md|webmanifest)$/.test(name))
    .sort();
  for (const name of names)
    hash
      .update(`${name}\0`)
      .update(readFileSync(new URL(name, folder)))
      .update('\0');
  return hash.digest('hex').slice(0, 12);
}

const prefix = 'site:';

/**
 * Cache tag of the release that made a page. Raising its floor invalidates all pages of that release, at
 * every edge.
 */
export const siteTags: TagVersions = { [`${prefix}${siteRelease}`]: 1 };

/** Two releases run side by side during a deploy, and each may show its pages until somebody raises its floor. */
export async function readSiteTagVersions(_db: unknown, tags: string[]): Promise<TagVersions> {
  return Object.fromEntries(tags.filter((tag) => tag.startsWith(prefix)).map((tag) => [tag, 1]));
}
