// Decides whether a client has this very answer, by If-None-Match (RFC 9110, 13.1.2).

/** A comma within quotes belongs to its tag. */
const betweenTags = /,(?=(?:[^"]*"[^"]*")*[^"]*$)/;

/**
 * @param ifNoneMatch the whole field; `*` alone means any answer
 * @param etag of the answer, with its quotes. Tags are compared weakly, as this field does.
 */
export function matchesEntityTag(
  ifNoneMatch: string | null | undefined,
  etag: string | null | undefined,
): boolean {
  if (ifNoneMatch === null || ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  if (etag === null || etag === undefined) return false;
  // The one tag that browsers send needs no reading.
  if (ifNoneMatch === etag) return true;
  const wanted = opaque(etag);
  return ifNoneMatch.split(betweenTags).some((tag) => opaque(tag) === wanted);
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}
