// What a tag's version is, asked of the primary. Each domain answers for its own prefixes.
import type { TagVersions } from '../outbox/events.ts';
import type { DbOrTx } from '../postgres/database.ts';

/** Versions of `<prefix>:<id>` for the ids asked; an id without a row is left out. */
export type VersionReader = (db: DbOrTx, ids: string[]) => Promise<Map<string, number>>;
export type VersionReaders = Record<string, VersionReader>;

/** The floor of what no longer exists: no entry that bears such a tag is ever at or above it. */
export const gone = 2_147_483_647;

/** @throws where a tag's prefix belongs to no domain: a programming error. */
export async function readTagVersions(
  db: DbOrTx,
  readers: VersionReaders,
  tags: string[],
): Promise<TagVersions> {
  const byPrefix = Map.groupBy(tags, prefixOf);
  const versions: TagVersions = {};
  for (const [prefix, members] of byPrefix) {
    const reader = readers[prefix];
    if (reader === undefined)
      throw new Error(`Cannot read the version of '${members[0]}' as no domain answers for it`);
    const found = await reader(db, members.map(idOf));
    for (const tag of members) versions[tag] = found.get(idOf(tag)) ?? gone;
  }
  return versions;
}

function prefixOf(tag: string): string {
  const colon = tag.indexOf(':');
  return colon < 0 ? tag : tag.slice(0, colon);
}

/** A tag without an id, such as `catalog`, is asked for by its own name. */
function idOf(tag: string): string {
  return tag.slice(tag.indexOf(':') + 1);
}
