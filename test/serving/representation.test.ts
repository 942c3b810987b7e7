// A shared page is kept compressed in buffers of its own, and is sent plain to clients that accept nothing else.
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  bodyOf,
  type Representation,
  represent,
  representationCodec,
} from '../../origin/web/shared/representation.ts';
import { composeAnswer } from '../../origin/web/shared/shared-response.ts';

const page = `<!doctype html><title>Shirts</title>${'<p>A shirt of linen, café au lait.</p>'.repeat(200)}`;
const made = (body: string) => represent({ status: 200, contentType: 'text/html', body });
const throughRedis = (whole: Representation) =>
  representationCodec.decode(Buffer.from(representationCodec.encode(whole)));

test.each([
  ['as it was made', async (body: string) => made(body)],
  ['as it came from Redis', async (body: string) => throughRedis(await made(body))],
] as const)('each encoding says the same, %s', async (_, get) => {
  const whole = await get(page);
  expect(Buffer.from(bodyOf(whole, 'identity')).toString()).toBe(page);
  expect(gunzipSync(bodyOf(whole, 'gzip')).toString()).toBe(page);
  expect(brotliDecompressSync(bodyOf(whole, 'br')).toString()).toBe(page);
  const short = await get('short');
  expect(Object.keys(short.bodies)).toEqual(['identity']);
  expect(Buffer.from(bodyOf(short, 'identity')).toString()).toBe('short');
});

test('no plain body is kept beside compressed ones, and no body keeps a shared block of memory alive', async () => {
  for (const whole of [await made(page), await made('short')]) {
    for (const body of Object.values(whole.bodies)) expect(body.buffer.byteLength).toBe(body.byteLength);
  }
  expect(Object.keys((await made(page)).bodies).sort()).toEqual(['br', 'gzip']);
  expect(representationCodec.encode(await made(page)).length).toBeLessThan(page.length / 5);
});

test('an answer with more tags than a proxy passes on is kept by no edge', async () => {
  const value = await made(page);
  const withTags = (count: number) => {
    const tags = Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`product:${10_000 + n}`, 123_456]),
    );
    return composeAnswer({ value, tags, outcome: 'miss' }, { encoding: 'identity', isKnown: false, nowMs: 0 })
      .headers;
  };
  expect(withTags(100)['Cache-Tag']?.length).toBeLessThan(4_000);
  expect(withTags(100)['CDN-Cache-Control']).toMatch(/^max-age=/);
  expect(withTags(300)).not.toHaveProperty('Cache-Tag');
  expect(withTags(300)['CDN-Cache-Control']).toBe('no-store');
});
