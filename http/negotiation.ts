// Chooses the encoding of a body from Accept-Encoding, and decides by If-None-Match whether a client has this answer.

export type Encoding = 'br' | 'gzip' | 'identity';

/** Nearly all requests have one of a few values, so parsed values are kept. */
const known = new Map<string, Encoding[]>();
const maxKnown = 200;
const longestKnown = 200;

/** @param bodies the compressed bodies that exist; both where it is left out. A plain body always exists. */
export function chooseEncoding(
  accepted: string | null | undefined,
  bodies?: { br?: unknown; gzip?: unknown },
): Encoding {
  if (accepted === null || accepted === undefined) return 'identity';
  for (const encoding of preferencesOf(accepted)) {
    if (encoding === 'identity' || bodies === undefined || bodies[encoding] !== undefined) return encoding;
  }
  return 'identity';
}

/** @returns the encodings that the client accepts, best first; plain last unless the client weighs it */
function preferencesOf(accepted: string): Encoding[] {
  const found = known.get(accepted);
  if (found !== undefined) return found;
  const parsed = parse(accepted);
  if (accepted.length <= longestKnown) {
    if (known.size >= maxKnown) known.clear();
    known.set(accepted, parsed);
  }
  return parsed;
}

function parse(accepted: string): Encoding[] {
  const weights = new Map<string, number>();
  for (const member of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim());
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, qualityOf(parameters));
  }
  const others = weights.get('*');
  const weightOf = { br: weights.get('br') ?? others ?? 0, gzip: weights.get('gzip') ?? others ?? 0 };
  const plain = weights.get('identity') ?? 0;
  return (['br', 'gzip'] as const)
    .filter((encoding) => weightOf[encoding] > 0 && weightOf[encoding] >= plain)
    .toSorted((a, b) => weightOf[b] - weightOf[a]);
}

/** A quality that is no number counts as a refusal. */
function qualityOf(parameters: string[]): number {
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  if (quality === undefined) return 1;
  const value = Number(quality.slice(2).trim() || Number.NaN);
  return Number.isNaN(value) ? 0 : Math.min(1, value);
}

// Decides by If-None-Match whether a client has the answer already (RFC 9110, 13.1.2).

/** Splits at commas, except those within a quoted tag. */
const betweenTags = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/;

/**
 * @param ifNoneMatch the whole field; `*` alone means any answer
 * @param etag of the answer, with its quotes. Tags are compared weakly, as RFC 9110 requires for this field.
 */
export function matchesEntityTag(
  ifNoneMatch: string | null | undefined,
  etag: string | null | undefined,
): boolean {
  if (ifNoneMatch === null || ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  if (etag === null || etag === undefined) return false;
  // Browsers send exactly one tag, which needs no parsing.
  if (ifNoneMatch === etag) return true;
  const wanted = opaque(etag);
  return ifNoneMatch.split(betweenTags).some((tag) => opaque(tag) === wanted);
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}
