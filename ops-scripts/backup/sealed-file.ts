// Seals a stream with a key, piece by piece, so that a changed, cut or reordered piece is found before it is used.
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/**
 * A file is one line of plain JSON, then pieces: length (4 bytes), AES-256-GCM of at most 64 KiB, tag (16 bytes). The
 * nonce counts pieces and marks the last one. Each piece also authenticates the line.
 */
const pieceBytes = 65_536;
const tagBytes = 16;
const mostHeaderBytes = 4_096;
export const format = 'myclothes-backup/1';

export interface SealedHeader {
  format: typeof format;
  takenAt: string;
  salt: string;
}

/** The file or its key is wrong. The message is one sentence. */
export class BackupDamaged extends Error {
  override readonly name = 'BackupDamaged';
}

/** @param key any secret of 32 characters or more */
export async function* seal(
  source: AsyncIterable<Buffer>,
  key: string,
  takenAt: Date,
): AsyncGenerator<Buffer> {
  const header: SealedHeader = {
    format,
    takenAt: takenAt.toISOString(),
    salt: randomBytes(16).toString('base64'),
  };
  const line = Buffer.from(`${JSON.stringify(header)}\n`);
  yield line;
  const { keyOfFile, noncePrefix } = deriveKey(key, header, line);
  let index = 0;
  const sealPiece = (piece: Buffer, isLast: boolean) => {
    const cipher = createCipheriv('aes-256-gcm', keyOfFile, nonceOf(noncePrefix, index++, isLast));
    const sealed = Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(sealed.length);
    return Buffer.concat([length, sealed]);
  };
  let waiting = Buffer.alloc(0);
  for await (const chunk of source) {
    waiting = Buffer.concat([waiting, chunk]);
    // The last piece is marked, so one piece is always held back.
    for (; waiting.length > pieceBytes; waiting = waiting.subarray(pieceBytes))
      yield sealPiece(waiting.subarray(0, pieceBytes), false);
  }
  yield sealPiece(waiting, true);
}

/** @throws BackupDamaged */
export async function* unseal(source: AsyncIterable<Buffer>, key: string): AsyncGenerator<Buffer> {
  let waiting = Buffer.alloc(0);
  let opened: ReturnType<typeof deriveKey> | undefined;
  let index = 0;
  let hasEnded = false;
  for await (const chunk of source) {
    waiting = Buffer.concat([waiting, chunk]);
    if (opened === undefined) {
      const end = waiting.indexOf('\n');
      if (end === -1 && waiting.length < mostHeaderBytes) continue;
      const line = waiting.subarray(0, end + 1);
      opened = deriveKey(key, readHeader(line), line);
      waiting = waiting.subarray(end + 1);
    }
    while (waiting.length >= 4) {
      const length = waiting.readUInt32BE();
      if (hasEnded || length < tagBytes || length > pieceBytes + tagBytes) throw damaged(index);
      if (waiting.length < 4 + length) break;
      const piece = waiting.subarray(4, 4 + length);
      waiting = waiting.subarray(4 + length);
      const read = openPiece(opened, piece, index);
      hasEnded = read.isLast;
      index += 1;
      yield read.content;
    }
  }
  if (!hasEnded || waiting.length > 0)
    throw new BackupDamaged(`Cannot read the backup: it was cut after ${index} pieces`);
}

/** @throws BackupDamaged if it is not a backup of this program */
export function readHeader(start: Buffer): SealedHeader {
  try {
    const header = JSON.parse(start.subarray(0, start.indexOf('\n')).toString()) as SealedHeader;
    if (header.format === format && typeof header.salt === 'string') return header;
  } catch {}
  throw new BackupDamaged(`Cannot read the backup: it does not begin as ${format} does`);
}

/** Each file has its own key. It depends on the header, so a changed header changes the key. */
function deriveKey(key: string, { salt }: SealedHeader, line: Buffer) {
  const secret = createHash('sha256').update(key).digest();
  const bound = createHash('sha256').update(line).digest();
  const derived = Buffer.from(hkdfSync('sha256', secret, Buffer.from(salt, 'base64'), bound, 32 + 7));
  return { keyOfFile: derived.subarray(0, 32), noncePrefix: derived.subarray(32) };
}

function nonceOf(prefix: Buffer, index: number, isLast: boolean): Buffer {
  const counter = Buffer.alloc(5);
  counter.writeUInt32BE(index);
  counter[4] = isLast ? 1 : 0;
  return Buffer.concat([prefix, counter]);
}

function openPiece({ keyOfFile, noncePrefix }: ReturnType<typeof deriveKey>, piece: Buffer, index: number) {
  for (const isLast of [false, true]) {
    try {
      const decipher = createDecipheriv('aes-256-gcm', keyOfFile, nonceOf(noncePrefix, index, isLast));
      decipher.setAuthTag(piece.subarray(-tagBytes));
      return {
        content: Buffer.concat([decipher.update(piece.subarray(0, -tagBytes)), decipher.final()]),
        isLast,
      };
    } catch {}
  }
  throw damaged(index);
}

function damaged(index: number): BackupDamaged {
  return new BackupDamaged(
    index === 0
      ? 'Cannot read the backup: it was changed, or it was made with another key'
      : `Cannot read the backup: it was changed in piece ${index + 1}`,
  );
}
