import { expect, test, vi } from 'vitest';
import { isOutage } from '../../worker/outage.ts';
import { createCloudFrontPurger } from '../../worker/purge-cloudfront.ts';
import { type FakeCloudFront, startFakeCloudFront } from '../support/fake-cloudfront.ts';

const signal = new AbortController().signal;
const wait = { timeout: 20_000, interval: 20 };

function purgerOf(cloudFront: FakeCloudFront) {
  return createCloudFrontPurger({
    distributionIds: ['E1EXAMPLE'],
    pollMs: 10,
    client: { endpoint: cloudFront.url, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } },
  });
}

test('a purge names the tags without their versions, and is over only when CloudFront has completed it', async () => {
  await using cloudFront = await startFakeCloudFront();
  const purger = purgerOf(cloudFront);
  const over = vi.fn();
  const purging = purger.purge({ 'product:42': 17, 'category:tees': 3 }, signal).then(over);
  await expect
    .poll(() => cloudFront.invalidations, wait)
    .toMatchObject([{ distributionId: 'E1EXAMPLE', items: ['#product:42', '#category:tees'] }]);
  expect(over).not.toHaveBeenCalled();
  cloudFront.completes = true;
  await purging;
  expect(cloudFront.invalidations[0]!.status).toBe('Completed');
  await purger.stop();
});

test('a hundred changes at once make three requests, no more than two of them in progress', async () => {
  await using cloudFront = await startFakeCloudFront();
  const purger = purgerOf(cloudFront);
  const tags = Array.from({ length: 100 }, (_, n) => `product:${n}`);
  const purging = Promise.all(tags.map((tag) => purger.purge({ [tag]: 2 }, signal)));
  await expect.poll(() => cloudFront.invalidations.length, wait).toBe(2);
  cloudFront.completes = true;
  await purging;
  expect(cloudFront.asked).toBe(3);
  expect(new Set(cloudFront.invalidations.flatMap(({ items }) => items))).toEqual(
    new Set(tags.map((tag) => `#${tag}`)),
  );
  await purger.stop();
});

test('an answer that is lost is asked for again under the same reference: one invalidation', async () => {
  await using cloudFront = await startFakeCloudFront();
  cloudFront.completes = true;
  cloudFront.next = ['make it and lose the answer'];
  const purger = purgerOf(cloudFront);
  await purger.purge({ 'product:42': 17 }, signal);
  expect(cloudFront.asked).toBe(2);
  expect(cloudFront.invalidations).toHaveLength(1);
  await purger.stop();
});

test('too many in progress is an outage: the change stays to be done, and the next try does it', async () => {
  await using cloudFront = await startFakeCloudFront();
  cloudFront.completes = true;
  cloudFront.next = ['refuse as too many'];
  const purger = purgerOf(cloudFront);
  const refused = await purger.purge({ 'product:42': 17 }, signal).catch((error: unknown) => error);
  expect(isOutage(refused)).toBe(true);
  await purger.purge({ 'product:42': 17 }, signal);
  expect(cloudFront.invalidations).toHaveLength(1);
  await purger.stop();
});

test('a tag that CloudFront can never take counts against the change that bears it', async () => {
  await using cloudFront = await startFakeCloudFront();
  const purger = purgerOf(cloudFront);
  const refused = await purger.purge({ 'a tag, with a comma': 1 }, signal).catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: 'InvalidArgument' });
  expect(isOutage(refused)).toBe(false);
  await purger.stop();
});
