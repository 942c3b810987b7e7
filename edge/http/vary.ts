// Matches stored answers to requests: the fields that Vary names must have the same meaning.

import type { Fields } from '../../http/fields.ts';
import { chooseEncoding } from '../../http/negotiation.ts';
import type { StoredResponse } from '../stored/stored-response.ts';

/** @returns undefined for `*`: fits no other request. */
export function varyOf(headers: Headers, request: Fields): [string, string][] | undefined {
  const names = (headers.get('vary') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (names.includes('*')) return undefined;
  return [...new Set(names)].toSorted().map((name) => [name, normalise(name, request.get(name))]);
}

/**
 * Whether an answer that was made for another request is right for this one. Cookies that it sets go back only to
 * the client that they were set for, and only while it has none: X-Forwarded-For is the edge's own by now.
 */
export function fits(variant: StoredResponse, request: Fields): boolean {
  const { onlyFor } = variant;
  if (onlyFor !== undefined && (onlyFor !== request.get('x-forwarded-for') || request.get('cookie') !== null))
    return false;
  return variant.vary.every(([name, value]) => {
    const asked = request.get(name);
    return (
      asked === value ||
      normalise(name, asked) === value ||
      (name === 'accept-language' && speaks(variant, asked))
    );
  });
}

export function sameVary(one: StoredResponse, other: StoredResponse): boolean {
  return (
    JSON.stringify(one.vary) === JSON.stringify(other.vary) &&
    JSON.stringify(one.part) === JSON.stringify(other.part)
  );
}

function normalise(name: string, value: string | null): string {
  // Absent and empty differ: no field value begins with a line break.
  if (value === null) return '\n';
  if (name === 'accept-encoding') return chooseEncoding(value);
  const members = value.split(',').map((member) => member.trim());
  if (name !== 'accept-language') return members.join(',');
  return members
    .map((member) => member.toLowerCase().replace(/\s/g, ''))
    .toSorted()
    .join(',');
}

/** Whether the answer's one language is the one that the client likes best. */
function speaks(variant: StoredResponse, asked: string | null): boolean {
  const language = variant.headers['content-language'];
  if (asked === null || typeof language !== 'string') return false;
  const best = asked
    .split(',')
    .map((member) =>
      member
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q=/),
    )
    .map(([name, q]) => ({ name, q: q === undefined ? 1 : Number(q) }))
    .toSorted((a, b) => b.q - a.q);
  return best[0]?.name === language.toLowerCase() && (best[1]?.q ?? 0) < best[0].q;
}
