// Reads single header fields from Node's raw list, without building an object of all of them.
import type { IncomingMessage } from 'node:http';
import type { Fields } from './fields.ts';

export class RawFields implements Fields {
  readonly #raw: string[];

  constructor({ rawHeaders }: IncomingMessage) {
    this.#raw = rawHeaders;
  }

  /** @param name in small letters. @returns several lines as one list. */
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
