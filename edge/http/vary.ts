// Which kept answer fits a request: the fields that Vary names must say the same, however they are written.
import type { StoredResponse } from '../kept/stored-response.ts';

export interface Fields {
  get(name: string): string | null;
}

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

/** Whether an answer that was made for another request is right for this one. */
export function fits(variant: StoredResponse, request: Fields): boolean {
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

/** The best that the client takes of what the shop speaks; so that there are three variants at most. */
export function chooseEncoding(value: string): 'br' | 'gzip' | 'identity' {
  let br = 0;
  let gzip = 0;
  for (const member of value.split(',')) {
    const [coding = '', weight = ''] = member.split(';', 2);
    const name = coding.trim().toLowerCase();
    if (name === 'br') br = qualityOf(weight);
    else if (name === 'gzip') gzip = qualityOf(weight);
  }
  if (br > 0 && br >= gzip) return 'br';
  return gzip > 0 ? 'gzip' : 'identity';
}

function qualityOf(weight: string): number {
  const text = weight.trim();
  if (text === '') return 1;
  const quality = Number(text.replace(/^q=/i, ''));
  return Number.isNaN(quality) ? 0 : quality;
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
