// Decodes a product file from UTF-8 or UTF-16, and escapes cells that a spreadsheet would run as formulas.

/** A fault of the file as a whole, which cannot be read then. */
export class FileFault extends Error {}

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** @throws FileFault if it is in another encoding, or ends within a character */
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

/** A heading begins with plain letters, so in UTF-16 every second byte is 0. */
function guessEncoding(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head[0] !== 0 && head[1] === 0 && head[2] !== 0 && head[3] === 0) return 'utf-16le';
  if (head[0] === 0 && head[1] !== 0 && head[2] === 0 && head[3] !== 0) return 'utf-16be';
  return 'utf-8';
}

// Full-width forms are included, because some spreadsheets treat them like the plain ones.
const formula = /^'*[=+\-@\t\r＝＋－＠]/;
const guarded = /^'+[=+\-@\t\r＝＋－＠]/;
const negativeNumber = /^-\d+(\.\d+)?$/;

/**
 * Puts an apostrophe before a cell that a spreadsheet would run as a formula. A negative number is not a formula. A
 * cell with its own apostrophes there gets one more, so that reading restores it.
 */
export function guardCell(text: string): string {
  return formula.test(text) && !negativeNumber.test(text) ? `'${text}` : text;
}

export function unguardCell(text: string): string {
  return guarded.test(text) ? text.slice(1) : text;
}
