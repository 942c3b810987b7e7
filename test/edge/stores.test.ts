// Both stores keep the same promises: what was set is got back whole, within a bound, and never what was deleted.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openDiskStore } from '../../edge/disk-store.ts';
import { toStored } from '../../edge/http/may-store.ts';
import { createMemoryStore, type Store, type StoredResponse } from '../../edge/stored/stored-response.ts';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const folders: string[] = [];
const openOnDisk = async (maxBytes: number) => {
  const folder = await mkdtemp(join(tmpdir(), 'edge-store-'));
  folders.push(folder);
  return openDiskStore(folder, maxBytes);
};
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

function anAnswer(body: string): StoredResponse {
  const headers = new Headers({ 'cache-control': 'max-age=60', 'cache-tag': 'product:42@17', etag: '"a"' });
  const stored = toStored({
    request: new Headers(),
    response: { status: 200, statusText: 'OK', headers },
    requestedAtMs: 0,
    receivedAtMs: 1,
    epoch: 0,
  });
  return { ...stored!, body: new TextEncoder().encode(body) };
}

const stores: Record<string, (maxBytes: number) => Store | Promise<Store>> = {
  'in memory': createMemoryStore,
  'on disk': openOnDisk,
};

describe.each(Object.entries(stores))('the store %s', (_where, open) => {
  test('gives back what was set, and nothing for other keys', async () => {
    const store = await open(1_000_000);
    const variants = [anAnswer('one'), anAnswer('two')];
    await store.set('a', variants);
    expect(await store.get('a')).toEqual(variants);
    expect(await store.get('b')).toBeUndefined();
  });

  test('the newest takes the place of what was there', async () => {
    const store = await open(1_000_000);
    for (const body of ['one', 'two', 'three']) await store.set('a', [anAnswer(body)]);
    expect(await store.get('a')).toEqual([anAnswer('three')]);
  });

  test('what was deleted is gone, and its room is free again', async () => {
    const store = await open(1_000_000);
    await store.set('a', [anAnswer('one')]);
    expect(store.bytes()).toBeGreaterThan(3);
    await store.delete('a');
    await store.delete('never there');
    expect(await store.get('a')).toBeUndefined();
    expect(store.bytes()).toBe(0);
  });

  test('stays below its bound: the least recently used go, what is asked for stays', async () => {
    const store = await open(200_000);
    await store.set('often', [anAnswer('o')]);
    for (let at = 0; at < 100; at++) {
      await store.set(`page ${at}`, [anAnswer('x'.repeat(10_000))]);
      expect(store.bytes()).toBeLessThanOrEqual(200_000);
      expect(await store.get('often')).toBeDefined();
    }
    expect(await store.get('page 0')).toBeUndefined();
    expect(await store.get('page 99')).toBeDefined();
  });

  test('what is longer than all its room is not kept, nor what it would have replaced', async () => {
    const store = await open(50_000);
    await store.set('a', [anAnswer('small')]);
    await store.set('a', [anAnswer('x'.repeat(60_000))]);
    expect(await store.get('a')).toBeUndefined();
    expect(store.bytes()).toBe(0);
  });

  test('holds what the edge promises: once from the origin, and never below a floor', async () => {
    let version = 1;
    await using origin = await startOrigin((_request, response) => {
      response
        .writeHead(200, { 'cache-tag': `product:42@${version}`, 'cdn-cache-control': 'max-age=60' })
        .end(`v${version}`);
    });
    const shop = startEdge(origin.url, await open(1_000_000));
    await shop.purge({});
    for (let round = 0; round < 2; round++) expect(await (await shop.get('/p/shirt')).text()).toBe('v1');
    expect(origin.asked).toHaveLength(1);
    version = 2;
    await shop.purge({ 'product:42': 2 });
    expect(await (await shop.get('/p/shirt')).text()).toBe('v2');
  });
});

test('the store on disk removes the files of what it gave up, and begins empty', async () => {
  const store = await openOnDisk(60_000);
  const folder = folders.at(-1)!;
  for (let at = 0; at < 30; at++) await store.set(`page ${at}`, [anAnswer('x'.repeat(10_000))]);
  await expect.poll(async () => (await readdir(join(folder, 'answers'))).length).toBeLessThan(5);
  const reopened = await openDiskStore(folder, 60_000);
  expect(await reopened.get('page 29')).toBeUndefined();
  expect(await readdir(join(folder, 'answers'))).toEqual([]);
});

test('a store that fails is counted and passed over', async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60' }).end('from the origin');
  });
  const broken = () => Promise.reject(new Error('The disk is full'));
  const shop = startEdge(origin.url, { get: broken, set: broken, delete: broken, bytes: () => 0 });
  for (let round = 0; round < 2; round++)
    expect(await (await shop.get('/page')).text()).toBe('from the origin');
  expect(shop.edge.counts.storeFaults).toBeGreaterThan(0);
  const write = await shop.edge.app.request('http://shop.test/page', { method: 'POST' }, {});
  expect(write.status).toBe(200);
});
