// Reads header fields, from a web-standard request or from Node's raw list, and detects ambiguous requests.
import type { IncomingMessage } from 'node:http';

export interface Fields {
  /** @param name in lower case. @returns several lines as one list; null where there is none */
  get(name: string): string | null;
}

/** Reads single header fields from Node's raw list, without building an object of all of them. */
export class RawFields implements Fields {
  readonly #raw: string[];

  constructor({ rawHeaders }: IncomingMessage) {
    this.#raw = rawHeaders;
  }

  /** @param name in lower case. @returns several lines as one list */
  get(name: string): string | null {
    const raw = this.#raw;
    let found: string | null = null;
    for (let at = 0; at < raw.length; at += 2) {
      const given = raw[at]!;
      if (given.length !== name.length || (given !== name && given.toLowerCase() !== name)) continue;
      found = found === null ? raw[at + 1]! : `${found}, ${raw[at + 1]!}`;
    }
    return found;
  }

  count(name: string): number {
    const raw = this.#raw;
    let lines = 0;
    for (let at = 0; at < raw.length; at += 2) {
      const given = raw[at]!;
      if (given.length === name.length && given.toLowerCase() === name) lines++;
    }
    return lines;
  }
}

/**
 * Detects requests that two servers may read differently, which are refused (RFC 9112, 6.3 and 11.2).
 * @param target the request target: the second word of the request line, not decoded
 */
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

/** Some servers read backslashes as slashes, and a request target has no fragment. */
function isPath(target: string): boolean {
  return target.startsWith('/') && !/[\\#]/.test(target);
}
