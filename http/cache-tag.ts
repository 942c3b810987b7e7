// Reads and writes the Cache-Tag field: what an answer depends on, each tag with its version, such as `product:42@17`.

/** Tags and their versions, such as `{ 'product:42': 17 }`. */
export type TagVersions = Record<string, number>;

/** @returns undefined where any part is not `tag@version`: such an answer must not be stored. */
export function parseCacheTag(field: string): TagVersions | undefined {
  // Without a prototype, so that no tag can be a member that every object has.
  const tags: TagVersions = Object.create(null);
  for (const word of field.split(/[\s,]+/)) {
    if (word === '') continue;
    const at = word.lastIndexOf('@');
    const digits = word.slice(at + 1);
    const version = Number(digits);
    if (at < 1 || !/^\d{1,16}$/.test(digits) || !Number.isSafeInteger(version)) return undefined;
    const tag = word.slice(0, at);
    // Of a tag that is named twice the lower version counts, as a floor must be at or below both.
    tags[tag] = Math.min(version, tags[tag] ?? version);
  }
  return tags;
}

export function formatCacheTag(tags: TagVersions): string {
  return Object.entries(tags)
    .map(([tag, version]) => `${tag}@${version}`)
    .join(' ');
}

export function hasTags(tags: TagVersions): boolean {
  for (const _tag in tags) return true;
  return false;
}
