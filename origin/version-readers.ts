// Which domain tells the version of which tags; what a floor is set from when Redis has forgotten it.

import { readCatalogTagVersions } from './catalog/tags.ts';
import { readAccountTagVersions } from './identity/account-tag.ts';
import type { TagVersionReader } from './invalidation/read-tag-versions.ts';
import { readSiteTagVersions } from './web/shared/site-tag.ts';

export const versionReaders: TagVersionReader[] = [
  readCatalogTagVersions,
  readAccountTagVersions,
  readSiteTagVersions,
];
