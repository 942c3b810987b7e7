// One kept answer, with all that each serving needs, made once when it is stored.
import type { Freshness } from './freshness.ts';
import type { TagVersions } from './tags.ts';

export interface StoredResponse extends Freshness {
  status: number;
  statusText: string;
  headers: [string, string][];
  /** The same as one record, as node:http likes it; several Set-Cookie lines are a list. */
  record: Record<string, string | string[]>;
  body: Uint8Array<ArrayBuffer>;
  receivedAtMs: number;
  tags: TagVersions;
  /** The fence's epoch when the fetch began. */
  epoch: number;
  /** Values of the request's fields that Vary names, normalised. */
  vary: [name: string, value: string][];
  etag: string | null;
  lastModified: string | null;
  /** Which bytes of how many, where the body is a part only. */
  part: { from: number; to: number; total: number } | undefined;
}

export function ageOfS(stored: StoredResponse, nowMs: number): number {
  return stored.initialAgeS + Math.max(0, nowMs - stored.receivedAtMs) / 1_000;
}

/** @returns seconds left; negative where stale. */
export function freshForS(stored: StoredResponse, nowMs: number): number {
  return stored.noCache ? -Infinity : stored.lifetimeS - ageOfS(stored, nowMs);
}

export function toRecord(headers: [string, string][]): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const present = record[name];
    if (present === undefined) record[name] = value;
    else record[name] = [...(Array.isArray(present) ? present : [present]), value];
  }
  return record;
}

/** What an entry takes of the store's room, in bytes, rounded up. */
export function bytesOf(variants: StoredResponse[]): number {
  return variants.reduce(
    (sum, { body, headers, tags }) =>
      sum +
      body.length +
      1_000 +
      headers.reduce((text, [name, value]) => text + 2 * (name.length + value.length), 0) +
      tags.length * 100,
    1,
  );
}
