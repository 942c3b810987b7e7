// The cache-tag contract: `product:42@17` names what an answer shows and at which version; a floor is the lowest version that may still be shown.
export type TagVersions = readonly (readonly [tag: string, version: number])[];

/** @returns the tags of a `Cache-Tag` field, or undefined where any part is not `tag@version`: such an answer must not be kept. */
export function parseTags(field: string): TagVersions | undefined {
  const tags: [string, number][] = [];
  for (const word of field.split(/[\s,]+/)) {
    if (word === '') continue;
    const at = word.lastIndexOf('@');
    const digits = word.slice(at + 1);
    const version = Number(digits);
    if (at < 1 || !/^\d{1,16}$/.test(digits) || !Number.isSafeInteger(version)) return undefined;
    tags.push([word.slice(0, at), version]);
  }
  return tags;
}

export function formatTags(tags: TagVersions): string {
  return tags.map(([tag, version]) => `${tag}@${version}`).join(' ');
}

export interface Floors {
  /** Max-merge: the same raise again, or an older one later, changes nothing. */
  raise(tag: string, version: number): void;
  /** Whether each tag is at or above its floor. @param epoch the floors' epoch when the fetch began. */
  allow(tags: TagVersions, epoch: number): boolean;
  /** Counts how often the floors outgrew their bound and were forgotten; what was fetched before is then unknown. */
  epoch(): number;
}

export function createFloors(maxTags = 1_000_000): Floors {
  const floors = new Map<string, number>();
  let epoch = 0;
  return {
    raise(tag, version) {
      if (floors.size >= maxTags && !floors.has(tag)) {
        floors.clear();
        epoch++;
      }
      const floor = floors.get(tag);
      if (floor === undefined || floor < version) floors.set(tag, version);
    },
    allow: (tags, since) =>
      since === epoch && tags.every(([tag, version]) => version >= (floors.get(tag) ?? 0)),
    epoch: () => epoch,
  };
}
