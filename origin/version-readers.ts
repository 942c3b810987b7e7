// Lists which domain reads the versions of which tags. Lost floors are restored from them.

import { readCatalogTagVersions } from './catalog/tags.ts';
import { readShippingTagVersions } from './checkout/shipping-methods.ts';
import { readAccountTagVersions } from './identity/account-tag.ts';
import type { TagVersionReader } from './invalidation/floors.ts';
import { readSiteTagVersions } from './web/shared/release.ts';

export const versionReaders: TagVersionReader[] = [
  readCatalogTagVersions,
  readAccountTagVersions,
  readShippingTagVersions,
  readSiteTagVersions,
];
