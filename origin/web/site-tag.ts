// The tag that every page bears: what a page looks like is decided by the release.
import type { TagVersions } from '../outbox/events.ts';

/** Raised by hand in a release whose pages must replace those that caches hold. */
const siteRelease = 1;

export const siteTags: TagVersions = { site: siteRelease };

/** Two releases run side by side during a deploy, so the floor is the oldest release that may still be shown. */
export async function readSiteTagVersions(_db: unknown, tags: string[]): Promise<TagVersions> {
  return tags.includes('site') ? { site: 1 } : {};
}
