// Keeps answers on disk, bounded in bytes; begins empty, because the floors of a former process are not known.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { LRUCache } from 'lru-cache';
import type { Store } from './store.ts';
import type { StoredResponse } from './stored-response.ts';

export async function openDiskStore(folder: string, maxBytes: number): Promise<Store> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const pathOf = (name: string) => join(folder, name);
  const sizes = new LRUCache<string, number>({
    maxSize: maxBytes,
    sizeCalculation: (bytes) => bytes,
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
