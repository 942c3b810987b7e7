// Text of a product file: decoded from UTF-8 or UTF-16, and escaped where a spreadsheet would run a cell as a
// formula.

/**
 * Decodes a product file from UTF-8 or UTF-16, with or without a byte order mark; refuses other encodings.
 * The file as a whole cannot be understood.
 */
export class FileFault extends Error {}

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** @throws FileFault where it is in another encoding, or ends within a character */
export async function* decodeFile(bytes: Bytes): AsyncGenerator<string> {
  let head = Buffer.alloc(0);
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let encoding = 'utf-8';
  const decode = (chunk: Uint8Array | undefined): string => {
    try {
      return chunk === undefined ? decoder!.decode() : decoder!.decode(chunk, { stream: true });
    } catch {
      throw new FileFault(
        encoding === 'utf-8'
          ? 'The file is not in UTF-8; save it as “CSV UTF-8” and import that'
          : `The file begins as ${encoding.toUpperCase()} and goes on otherwise; save it as “CSV UTF-8” and import that`,
      );
    }
  };
  for await (const chunk of bytes) {
    if (decoder !== undefined) {
      yield decode(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < 4) continue;
    encoding = guessEncoding(head);
    decoder = new TextDecoder(encoding, { fatal: true });
    yield decode(head);
  }
  if (decoder === undefined) {
    decoder = new TextDecoder(encoding, { fatal: true });
    yield decode(head);
  }
  yield decode(undefined);
}

/** A heading begins with plain letters, so that every second byte of UTF-16 is 0. */
function guessEncoding(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head[0] !== 0 && head[1] === 0 && head[2] !== 0 && head[3] === 0) return 'utf-16le';
  if (head[0] === 0 && head[1] !== 0 && head[2] === 0 && head[3] !== 0) return 'utf-16be';
  return 'utf-8';
}

// Also their full-width forms, which some spreadsheets take for the same.
const formula = /^'*[=+\-@\t\r＝＋－＠]/;
const guarded = /^'+[=+\-@\t\r＝＋－＠]/;
const negativeNumber = /^-\d+(\.\d+)?$/;

/**
 * Escapes cells that a spreadsheet would run as a formula with an apostrophe, and removes it when reading. A
 * negative number is no formula. What has apostrophes there of its own gets one more, so that reading gives
 * it back.
 */
export function guardCell(text: string): string {
  return formula.test(text) && !negativeNumber.test(text) ? `'${text}` : text;
}

export function unguardCell(text: string): string {
  return guarded.test(text) ? text.slice(1) : text;
}
