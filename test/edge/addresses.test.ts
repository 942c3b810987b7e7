// One kept answer for all spellings of an address that mean the same, and no spelling that shows one shopper's steps to
// another.
import { expect, test } from 'vitest';
import { createEdge } from '../../edge/app.ts';
import { findDoubts, readEdgeConfig } from '../../edge/config.ts';
import { normaliseQuery } from '../../edge/http/addresses.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { createNodeUpstream } from '../../edge/upstream/upstream-node.ts';
import { isAddressOrCidr } from '../../http/client-address.ts';
import { signPurge } from '../../http/purge-signature.ts';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

test.each([
  ['/c/shirts?size=M&color=blue', '/c/shirts?color=blue&size=M'],
  ['/c/shirts?size=M&size=L&color=blue', '/c/shirts?color=blue&size=M&size=L'],
  ['/p/tee?utm_source=letter&utm_medium=mail&gclid=1', '/p/tee'],
  ['/?fbclid=1&q=a%26b', '/?q=a%26b'],
  ['/search?q=utm_source', '/search?q=utm_source'],
  ['/p/tee?', '/p/tee'],
  ['/p/tee', '/p/tee'],
])('%s is asked for and kept as %s', (written, meant) => {
  expect(normaliseQuery(written)).toBe(meant);
});

test('what follows a person does not reach the origin by a shared page, nor does it make a second copy', async () => {
  await using origin = await startOrigin((request, response) => {
    response.writeHead(200, { 'cache-control': 'public, max-age=60' }).end(request.url);
  });
  const { get } = startEdge(origin.url);
  for (const path of ['/c/shirts?size=M&color=blue&utm_source=me', '/c/shirts?color=blue&size=M'])
    expect(await (await get(path)).text()).toBe('/c/shirts?color=blue&size=M');
  expect(origin.asked).toHaveLength(1);
});

test('the query of a page that is not shared is left as it is', async () => {
  await using origin = await startOrigin((_request, response) => response.end());
  await startEdge(origin.url).get('/reset-password?token=1&a=2&utm_x=3');
  expect(origin.asked[0]!.url).toBe('/reset-password?token=1&a=2&utm_x=3');
});

test('all faults of the settings are named at once, and no secret among them', () => {
  const env = {
    ORIGIN_URL: 'shop.test',
    EDGE_PORT: 'x',
    EDGE_LEASE_SECONDS: '0',
    TRUSTED_PROXIES: '10.0.0.0/40',
  };
  const faults = () => readEdgeConfig({ ...env, EDGE_PURGE_KEY: 'hidden' });
  for (const name of Object.keys(env)) expect(faults).toThrow(name);
  expect(faults).not.toThrow('hidden');
});

test('a short purge key is taken, and doubted aloud without being shown', () => {
  const config = readEdgeConfig({ ORIGIN_URL: 'https://shop.test', EDGE_PURGE_KEY: 'hidden' });
  expect(config.purgeKey).toBe('hidden');
  expect(findDoubts(config)).toEqual([expect.stringMatching(/^EDGE_PURGE_KEY is weak(?!.*hidden)/)]);
  expect(findDoubts({ purgeKey: 'a key for tests only' })).toEqual([]);
});

test('before an origin without tags the edge needs nothing but its address', () => {
  expect(readEdgeConfig({ ORIGIN_URL: 'https://shop.test', EDGE_PURGE_KEY: '' })).toMatchObject({
    port: 3002,
    host: '127.0.0.1',
    purgeKey: undefined,
    leaseSeconds: 3,
  });
});

test('without a key no purge is believed, and nothing tagged is served twice', async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { 'cache-tag': 'product:42@1', 'cdn-cache-control': 'max-age=60' }).end();
  });
  const upstream = createNodeUpstream({
    originUrl: origin.url,
    silenceMs: 8_000,
    wholeMs: 8_000,
    maxConnections: 5,
    maxCalls: 5,
  });
  const store = createMemoryStore(100_000);
  const { app } = createEdge({
    store,
    upstream,
    purgeKey: undefined,
    leaseSeconds: 3,
    servedBy: 'test/edge',
  });
  const body = '{"tags":{}}';
  const headers = { 'purge-signature': await signPurge('any key that somebody made up', body, Date.now()) };
  const forged = await app.request('http://shop.test/.edge/purge', { method: 'POST', body, headers }, {});
  expect(forged.status).toBe(401);
  for (let round = 0; round < 2; round++) await (await app.request('http://shop.test/p/tee', {}, {})).text();
  expect(origin.asked).toHaveLength(2);
});

test.each([
  ['10.0.0.1', true],
  ['10.0.0.0/8', true],
  ['::1', true],
  ['fd00::/8', true],
  ['10.0.0.0/33', false],
  ['10.0.0.0/', false],
  ['proxy.internal', false],
  ['10.0.0.0/8/8', false],
])('%s as a trusted proxy: %s', (text, right) => {
  expect(isAddressOrCidr(text)).toBe(right);
});
