// Invalidates tags at CloudFront, and waits until CloudFront reports completion.
// Batches waiting tags, and bounds the invalidations in progress.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CloudFrontClient, CloudFrontClientConfig } from '@aws-sdk/client-cloudfront';
import type { Lineage } from '../origin/invalidation/lineage-watch.ts';
import { Outage } from './outage.ts';
import type { EdgePurger } from './purge-edges.ts';

export interface CloudFrontPurgerOptions {
  distributionIds: string[];
  /** Set by tests. Otherwise region, credentials and retries are the SDK's own. */
  client?: CloudFrontClientConfig;
  pollMs?: number;
  lineage?: Pick<Lineage, 'onChange'>;
}

/** Together two thirds of CloudFront's quota for a distribution. Operators can use the rest. */
const mostTags = 1_000;
const mostInProgress = 2;
const askSeconds = 10;
/** Completion usually takes less than five seconds. Beyond this it counts as an outage and is requested again. */
export const completeSeconds = 60;

type LoadedSdk = typeof import('@aws-sdk/client-cloudfront');

export function createCloudFrontPurger(options: CloudFrontPurgerOptions): EdgePurger {
  let opened: Promise<{ sdk: LoadedSdk; client: CloudFrontClient }> | undefined;
  // The SDK is loaded at the first purge, because a shop without CloudFront does not need it.
  const open = () => {
    opened ??= import('@aws-sdk/client-cloudfront').then((sdk) => ({
      sdk,
      client: new sdk.CloudFrontClient({ region: 'us-east-1', maxAttempts: 4, ...options.client }),
    }));
    return opened;
  };
  const invalidate = async (distributionId: string, paths: string[]) => {
    const { sdk, client } = await open();
    await invalidatePaths(sdk, client, { distributionId, paths }, options.pollMs ?? 500);
  };
  const batchers = options.distributionIds.map((id) =>
    createBatcher((tags) =>
      invalidate(
        id,
        tags.map((tag) => `#${tag}`),
      ),
    ),
  );
  // After a restore every page is invalidated, because versions do not show which pages contain lost data.
  options.lineage?.onChange(() => {
    for (const id of options.distributionIds) void invalidateAll(() => invalidate(id, ['/*']));
  });
  return {
    // Every worker may send: CloudFront invalidations renew no lease, so two workers cannot contradict each other.
    maySend: () => true,
    async purge(tags, _signal, note) {
      await Promise.all(batchers.map((purge) => purge(Object.keys(tags))));
      note?.('CloudFront confirmed');
    },
    edges: () => [],
    async stop() {
      (await opened)?.client.destroy();
    },
  };
}

const learnMs = 1_000;
const mostTries = 60;

/** Starts once every origin knows the new lineage, and retries during an outage. */
async function invalidateAll(invalidate: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    await delay(learnMs);
    const done = await invalidate().then(
      () => true,
      () => false,
    );
    if (done) return;
  }
}

interface Waiting {
  tags: string[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** The number of waiting callers is bounded by the number of running jobs. */
function createBatcher(invalidate: (tags: string[]) => Promise<void>): (tags: string[]) => Promise<void> {
  const waiting: Waiting[] = [];
  let inProgress = 0;
  const pump = () => {
    while (inProgress < mostInProgress && waiting.length > 0) {
      const batch = takeBatch(waiting);
      inProgress += 1;
      invalidateInParts(invalidate, [...new Set(batch.flatMap((one) => one.tags))])
        .then(
          () => batch.forEach((one) => void one.resolve()),
          (error: unknown) => batch.forEach((one) => void one.reject(error)),
        )
        .finally(() => {
          inProgress -= 1;
          pump();
        });
    }
  };
  return (tags) =>
    new Promise((resolve, reject) => {
      waiting.push({ tags, resolve, reject });
      pump();
    });
}

function takeBatch(waiting: Waiting[]): Waiting[] {
  const batch = [waiting.shift()!];
  let count = batch[0]!.tags.length;
  while (waiting.length > 0 && count + waiting[0]!.tags.length <= mostTags) {
    count += waiting[0]!.tags.length;
    batch.push(waiting.shift()!);
  }
  return batch;
}

async function invalidateInParts(
  invalidate: (tags: string[]) => Promise<void>,
  tags: string[],
): Promise<void> {
  for (let from = 0; from < tags.length; from += mostTags)
    await invalidate(tags.slice(from, from + mostTags));
}

/** The caller reference makes the SDK's retries one invalidation, also where an answer was lost. */
async function invalidatePaths(
  sdk: LoadedSdk,
  client: CloudFrontClient,
  { distributionId, paths }: { distributionId: string; paths: string[] },
  pollMs: number,
): Promise<void> {
  const ask = { abortSignal: AbortSignal.timeout(askSeconds * 1_000) };
  const deadline = performance.now() + completeSeconds * 1_000;
  try {
    const { Invalidation: created } = await client.send(
      new sdk.CreateInvalidationCommand({
        DistributionId: distributionId,
        InvalidationBatch: {
          CallerReference: randomUUID(),
          Paths: { Quantity: paths.length, Items: paths },
        },
      }),
      ask,
    );
    let status = created?.Status;
    while (status !== 'Completed') {
      if (performance.now() > deadline) throw new Outage(`CloudFront took more than ${completeSeconds} s`);
      await delay(pollMs);
      const { Invalidation: asked } = await client.send(
        new sdk.GetInvalidationCommand({ DistributionId: distributionId, Id: created?.Id }),
        { abortSignal: AbortSignal.timeout(askSeconds * 1_000) },
      );
      status = asked?.Status;
    }
  } catch (cause) {
    // Only this fault is caused by the row. All others, such as denied access, are fixed outside and then retried.
    if (cause instanceof sdk.InvalidArgument) throw cause;
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new Outage(`Cannot invalidate at CloudFront's ${distributionId}: ${reason}`, { cause });
  }
}
