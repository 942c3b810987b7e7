// Filling the cache of compiled code fails silently, because a shop works without it. This test checks the cache
// itself.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compileCacheFolder, fillCompileCache } from '../../ops-scripts/local/node-part.ts';

test('every module of origin, worker and edge is in the cache, and none of them was run', async () => {
  rmSync(compileCacheFolder, { recursive: true, force: true });
  await fillCompileCache();
  expect(existsSync(join(compileCacheFolder, 'stamp'))).toBe(true);
  const ours = ['http', 'origin', 'worker', 'edge'].flatMap((part) =>
    readdirSync(part, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')),
  );
  const entries = readdirSync(compileCacheFolder, { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => entry.isFile()).length).toBeGreaterThan(ours.length);
});
