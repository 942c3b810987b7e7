// Cache tag of the release that made a page. Raising its floor invalidates all pages of that release, at every edge.
import type { TagVersions } from '../../../http/cache-tag.ts';
import { siteRelease } from './release.ts';

const prefix = 'site:';

export const siteTags: TagVersions = { [`${prefix}${siteRelease}`]: 1 };

/** Two releases run side by side during a deploy, and each may show its pages until somebody raises its floor. */
export async function readSiteTagVersions(_db: unknown, tags: string[]): Promise<TagVersions> {
  return Object.fromEntries(tags.filter((tag) => tag.startsWith(prefix)).map((tag) => [tag, 1]));
}
