// Stores answers on disk, bounded in bytes. Starts empty, because the floors of an earlier process are unknown.
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { LRUCache } from 'lru-cache';
import { makeFolders } from '../http/system-faults.ts';
import type { Store, StoredResponse } from './stored/stored-response.ts';

/** What a file takes beside its content: its name in memory and a block on disk. */
const bytesOfFile = 4_096;

/** @param folder is made, and emptied of answers. @throws where it cannot be. */
export async function openDiskStore(folder: string, maxBytes: number): Promise<Store> {
  // A folder of its own within the one that was named: only what the edge wrote may be removed.
  const own = join(folder, 'answers');
  await rm(own, { recursive: true, force: true });
  makeFolders(own);
  const pathOf = (name: string) => join(own, name);
  const sizes = new LRUCache<string, number>({
    maxSize: maxBytes,
    sizeCalculation: (bytes) => bytes + bytesOfFile,
    dispose: (_bytes, name, reason) => {
      if (reason !== 'set') void rm(pathOf(name), { force: true });
    },
  });
  let writes = 0;
  return {
    async get(key) {
      const name = nameOf(key);
      if (sizes.get(name) === undefined) return undefined;
      const bytes = await readFile(pathOf(name)).catch(() => undefined);
      return bytes === undefined ? undefined : (deserialize(bytes) as StoredResponse[]);
    },
    async set(key, variants) {
      const name = nameOf(key);
      const bytes = serialize(variants);
      // A file that the index would not take in would never be removed.
      if (bytes.length + bytesOfFile > maxBytes) return void sizes.delete(name);
      const half = pathOf(`${name}.${writes++}`);
      await writeFile(half, bytes);
      await rename(half, pathOf(name));
      sizes.set(name, bytes.length);
    },
    async delete(key) {
      sizes.delete(nameOf(key));
    },
    bytes: () => sizes.calculatedSize,
  };
}

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
