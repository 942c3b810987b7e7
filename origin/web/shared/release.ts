// Identifies the release by a hash of all its sources, and has its cache tag, which invalidates all its pages.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { TagVersions } from '../../../http/cache-tag.ts';

/** Twelve hexadecimal digits, the same on every machine with the same files. */
export const siteRelease = hashSources(new URL('../../', import.meta.url));

/** Hashes every file of the folder, because more than templates shapes a page. */
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

/** During a deployment two releases run at once. Each serves its pages until an operator raises its floor. */
export async function readSiteTagVersions(_db: unknown, tags: string[]): Promise<TagVersions> {
  return Object.fromEntries(tags.filter((tag) => tag.startsWith(prefix)).map((tag) => [tag, 1]));
}
