// The floors of an edge: of each tag the lowest version that may still be served.
import type { TagVersions } from '../http/cache-tag.ts';

export interface Floors {
  /** A floor only goes up: the same raise again, or an older one later, changes nothing. */
  raise(tag: string, version: number): void;
  /** Whether each tag is at or above its floor. @param epoch the floors' epoch when the fetch began. */
  allow(tags: TagVersions, epoch: number): boolean;
  /**
   * How often the floors outgrew their bound and were forgotten. What was fetched before may not be served any more.
   */
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
    allow(tags, since) {
      if (since !== epoch) return false;
      for (const tag in tags) if (tags[tag]! < (floors.get(tag) ?? 0)) return false;
      return true;
    },
    epoch: () => epoch,
  };
}
