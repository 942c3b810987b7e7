// Lists the domains' readers of tag versions. Lost floors are restored by them.

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
