// Bodies whose length is not said beforehand are bounded as those whose length is.
import { expect, test } from 'vitest';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const mebibyte = new Uint8Array(1_048_576);

/** A body in chunks of one mebibyte, and how many were taken of it. */
function chunked(count: number) {
  const body = { taken: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (body.taken === count) return controller.close();
        body.taken++;
        controller.enqueue(mebibyte);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, stream };
}

async function postTo(path: string, count: number, headers: Record<string, string> = {}) {
  let whole = 0;
  await using origin = await startOrigin(async (request, response) => {
    let size = 0;
    try {
      for await (const chunk of request) size += (chunk as Buffer).length;
      whole++;
      response.end(String(size));
    } catch {
      response.destroy();
    }
  });
  const { edge } = startEdge(origin.url);
  const { body, stream } = chunked(count);
  const init = { method: 'POST', body: stream, duplex: 'half', headers } as RequestInit;
  const answer = await edge.app.request(`http://shop.test${path}`, init, {});
  return { status: answer.status, text: await answer.text(), taken: body.taken, whole };
}

test('a body in chunks below the bound arrives whole', async () => {
  expect(await postTo('/api/cart/lines', 15)).toMatchObject({ status: 200, text: String(15 * 1_048_576) });
});

test('a body in chunks past the bound is broken off, refused as too large, and never whole at the origin', async () => {
  const answer = await postTo('/api/cart/lines', 64);
  expect(answer).toMatchObject({ status: 413, whole: 0 });
  expect(answer.taken).toBeLessThan(20);
});

test('a purge in chunks past its bound is not read to its end', async () => {
  const forged = { 'purge-signature': `t=${Date.now()},v1=${'0'.repeat(64)}` };
  const answer = await postTo('/.edge/purge', 64, forged);
  expect(answer.status).toBe(413);
  expect(answer.taken).toBeLessThan(8);
});
