// Which domain tells the version of which tags; what a floor is set from when Redis has forgotten it.
import { readAccountTagVersions } from './account/tag-versions.ts';
import type { TagVersionReader } from './cache/tag-versions.ts';
import { readCatalogTagVersions } from './catalog/tags.ts';
import { readSiteTagVersions } from './web/shared/site-tag.ts';

export const versionReaders: TagVersionReader[] = [
  readCatalogTagVersions,
  readAccountTagVersions,
  readSiteTagVersions,
];
