// Header fields as one plain record, and the removal of those that are about one connection only.

/**
 * Header fields as one plain record, made once and written as they are; several lines of one field are a
 * list.
 */
export type HeaderRecord = Record<string, string | string[]>;

export function toRecord(headers: Headers): HeaderRecord {
  const fields = new Map<string, string | string[]>();
  for (const [name, value] of headers) {
    const present = fields.get(name);
    if (present === undefined) fields.set(name, value);
    else fields.set(name, [...(Array.isArray(present) ? present : [present]), value]);
  }
  return Object.fromEntries(fields);
}

export function toHeaders(record: HeaderRecord): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(record)) {
    for (const line of Array.isArray(value) ? value : [value]) headers.append(name, line);
  }
  return headers;
}

/** @returns null where the field is absent; several lines count as one list. */
export function fieldOf(record: HeaderRecord, name: string): string | null {
  const value = record[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** Removes the fields that are about one connection only (RFC 9110, 7.6.1). */
export function dropHopByHop(headers: Headers): void {
  const named = (headers.get('connection') ?? '').split(',').map((name) => name.trim().toLowerCase());
  for (const name of [...hopByHop, ...named]) {
    if (/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) headers.delete(name);
  }
}
