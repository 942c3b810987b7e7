// Detects requests that two servers could read in two ways; they are refused (RFC 9112, 6.3 and 11.2).
import type { RawFields } from './raw-fields.ts';

/** @param target as it stands in the request line. */
export function isAmbiguous(target: string, fields: RawFields): boolean {
  const lengths = fields.count('content-length');
  const coding = fields.get('transfer-encoding');
  return (
    fields.count('host') !== 1 ||
    lengths > 1 ||
    (coding !== null && (lengths > 0 || coding.toLowerCase() !== 'chunked')) ||
    !(target === '*' || isPath(target))
  );
}

/** Backslashes are slashes to some servers, and a fragment has no place in a request. */
function isPath(target: string): boolean {
  return target.startsWith('/') && !/[\\#]/.test(target);
}
