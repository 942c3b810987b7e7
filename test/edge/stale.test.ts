// An origin that hangs up: what may be shown in its place, and what its own word forbids.
import { expect, test } from 'vitest';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

async function askedAgainWhenStale(cacheControl: string): Promise<{ status: number; text: string }> {
  let isAway = false;
  await using origin = await startOrigin((_request, response) => {
    if (isAway) return void response.socket?.destroy();
    response.writeHead(200, { 'cache-control': cacheControl }).end('kept');
  });
  const { get, clock } = startEdge(origin.url);
  await (await get('/anything')).text();
  isAway = true;
  clock.now += 3_000;
  const answer = await get('/anything');
  return { status: answer.status, text: await answer.text() };
}

test('a page that has become stale stands in for an origin that hangs up', async () => {
  expect(await askedAgainWhenStale('max-age=2')).toEqual({ status: 200, text: 'kept' });
});

test.each(['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'])(
  'a page with %s does not: the edge says that the origin is away',
  async (directive) => {
    const { status, text } = await askedAgainWhenStale(`max-age=2, ${directive}`);
    expect(status).toBe(502);
    expect(text).not.toContain('kept');
  },
);
