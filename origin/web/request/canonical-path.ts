// Gives each page one address: no trailing slash, no empty parts, lower case. Other spellings are redirected.

/** Below these, names are written in small, composed letters. */
const named = new Set(['p', 'c']);

/** @param path as the client wrote it. @returns one leading slash, so that it names no other host. */
export function canonicalPath(path: string): string {
  const [kind = '', ...rest] = path.split('/').filter((part) => part !== '');
  const first = kind.toLowerCase();
  return `/${[first, ...(named.has(first) ? rest.map(properName) : rest)].join('/')}`;
}

/** What cannot be decoded is nobody's name. */
function properName(part: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(part).normalize('NFC').toLowerCase());
  } catch {
    return part;
  }
}
