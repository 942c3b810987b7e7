// Reads and writes the Cache-Tag field: the tags that an answer depends on, each with its version.
// An example is `product:42@17`.

/** Tags and their versions, such as `{ 'product:42': 17 }`. */
export type TagVersions = Record<string, number>;

/** @returns undefined where any part is not `tag@version`; no cache may store such an answer */
export function parseCacheTag(field: string): TagVersions | undefined {
  // The object has no prototype, so that no tag names an inherited member.
  const tags: TagVersions = Object.create(null);
  for (const word of field.split(/[\s,]+/)) {
    if (word === '') continue;
    const at = word.lastIndexOf('@');
    const digits = word.slice(at + 1);
    const version = Number(digits);
    if (at < 1 || !/^\d{1,16}$/.test(digits) || !Number.isSafeInteger(version)) return undefined;
    const tag = word.slice(0, at);
    // If a tag is named twice, the lower version counts: a floor above either makes the answer old.
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
