// Makes one cache key of all spellings of an address that RFC 3986, 6.2.2 calls equivalent, and of no others.
export function cacheKey(host: string, path: string): string {
  const query = path.endsWith('?') ? path.slice(0, -1) : path;
  return `${host.toLowerCase()}${query.includes('%') ? query.replace(/%[0-9a-f]{2}/gi, normaliseOctet) : query}`;
}

function normaliseOctet(octet: string): string {
  const char = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(char) ? char : octet.toUpperCase();
}
