// Parses Cache-Control (RFC 9111, 5.2) and CDN-Cache-Control (RFC 9213). Of two equal directives the first counts.
export type Directives = ReadonlyMap<string, string | true>;

export function parseCacheControl(field: string | null): Directives {
  const directives = new Map<string, string | true>();
  const pattern = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^,]*))?[^,]*(?:,|$)/y;
  const text = field ?? '';
  while (pattern.lastIndex < text.length) {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) {
      const comma = text.indexOf(',', from);
      if (comma < 0) break;
      pattern.lastIndex = comma + 1;
      continue;
    }
    const name = match[1]!.toLowerCase();
    const value = match[2] === undefined ? true : unquote(match[2].trim());
    // Where one of two is about the whole answer, that is the one to heed (5.2.2.4 and 5.2.2.7).
    const isWhole = value === true && (name === 'no-cache' || name === 'private');
    if (!directives.has(name) || isWhole) directives.set(name, value);
  }
  return directives;
}

/** @returns undefined where the field is absent or no valid dictionary: then Cache-Control alone speaks. */
export function parseCdnCacheControl(field: string | null): Directives | undefined {
  if (field === null || field.trim() === '') return undefined;
  const directives = new Map<string, string | true>();
  for (const member of field.split(',')) {
    const match =
      /^\s*([A-Za-z*][\w.*-]*)(?:=(-?\d{1,15}(?:\.\d{1,3})?|\?[01]|"[^"]*"|[A-Za-z*][^\s,;="]*))?(?:;[^,]*)?\s*$/.exec(
        member,
      );
    if (match === null) return undefined;
    const name = match[1]!.toLowerCase();
    const value = match[2];
    if (/^(max-age|s-maxage|stale-)/.test(name) && !/^\d+$/.test(value ?? '')) return undefined;
    directives.set(name, value ?? true);
  }
  return directives;
}

/**
 * @returns the fields, in small letters, that `no-cache="…"` and `private="…"` keep from being served again
 * (5.2.2.4, 5.2.2.7).
 */
export function fieldsNotStored(directives: Directives): string[] {
  return ['no-cache', 'private']
    .map((name) => directives.get(name))
    .flatMap((names) => (typeof names === 'string' ? names.toLowerCase().split(',') : []))
    .map((name) => name.trim())
    .filter(Boolean);
}

/** @returns whole seconds, or undefined where the directive is absent; a value that is no number counts as 0: stale. */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return typeof value === 'string' && /^\d+$/.test(value) ? Math.min(Number(value), 2 ** 31) : 0;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
}
