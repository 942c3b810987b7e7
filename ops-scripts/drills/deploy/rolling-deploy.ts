// Drill: the next release replaces three origins one by one while shoppers never retry.
// No request may fail, no piece may be lost, and pages of either release must work with both.
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from '../cookie-jar.ts';
import type { DrillContext, DrillResult } from '../drill.ts';
import { Timeline } from '../timeline.ts';
import { readVariants, type StockedVariant } from '../variants.ts';
import { watchAssets } from './assets-seen.ts';
import { makeNextRelease } from './next-release.ts';
import { openProductPage, type ReleasedPage } from './released-page.ts';
import { countPieces, sendForm, takeAsset, type WalkIn, type WalkInOptions, walkIn } from './walk-in.ts';

const settleMs = 1_500;
const requestsAtLeast = { short: 500, full: 5_000 };

export async function rollingDeploy({
  region,
  state,
  seed,
  short,
  size,
}: DrillContext): Promise<DrillResult> {
  const releaseFolder = await makeNextRelease(region.folder);
  const url = region.storefront;
  const stocked = await readVariants(url, 12);
  const began = performance.now();
  const timeline = new Timeline(() => performance.now() - began);
  const failures: string[] = [];
  let requests = 0;
  const options: WalkInOptions = {
    url,
    variants: stocked.map(({ id }) => id),
    assets: watchAssets(),
    tell(path, status, fault = '') {
      requests += 1;
      // A line that is full at 99 pieces is an answer, not a failure of the deploy.
      const isAnswer = status > 0 && (status < 400 || status === 422);
      timeline.tell(isAnswer ? 200 : status);
      if (!isAnswer) failures.push([`${path}:`, status || 'no good answer:', fault].join(' ').trim());
    },
  };
  const stopping = new AbortController();
  timeline.begin();
  const walkIns = Array.from({ length: size.shoppers ?? (short ? 12 : 24) }, () =>
    walkIn(options, stopping.signal),
  );
  const late: WalkIn = { jar: new CookieJar(), added: 0 };
  const previous = await openProductPage(url, stocked[0]!);
  await delay(settleMs);

  let next: ReleasedPage | undefined;
  for (const origin of region.origins()) {
    timeline.mark(`replace ${origin.name}`);
    await region.replace(origin, { releaseFolder });
    await region.healed();
    next ??= await openNextPage(origin.url, stocked[0]!, previous);
    // Either release may be asked for what the other's pages need.
    for (const asked of region.origins())
      for (const path of [...previous.assets, ...next.assets]) await takeAsset(options, asked.url, path);
    await delay(settleMs);
  }
  for (const page of [previous, next!]) await sendForm(late, options, page.form);

  const enough = short ? requestsAtLeast.short : requestsAtLeast.full;
  const until = began + (size.seconds ?? 0) * 1_000;
  while (requests < enough || performance.now() < until) await delay(100);
  stopping.abort();
  const { lost, duplicated } = await judge([...(await Promise.all(walkIns)), late], url);
  const expectLoss = state === 'sticky';
  const asExpected = expectLoss ? lost > 0 : lost === 0 && duplicated === 0;
  return {
    drill: 'rolling-deploy',
    state,
    seed,
    acknowledged: requests - failures.length,
    lost,
    duplicated,
    errors: failures.length,
    unavailableSeconds: Math.round(timeline.longestGapSeconds * 100) / 100,
    recoverySeconds: Math.round(timeline.recoverySeconds * 100) / 100,
    verdict: asExpected && failures.length === 0 ? 'pass' : 'fail',
    ...(expectLoss ? { expectLoss } : {}),
    notes: [
      `${failures.length} failed of ${requests} requests, none tried again`,
      `asked of every origin after each step: ${[...previous.assets, ...next!.assets].join(', ')}; sent afterwards: a form of each release`,
      ...failures.slice(0, 3),
    ],
    picture: timeline.draw(),
    history: failures.slice(0, 50),
  };
}

/** @throws where it is the same release: then nothing would be shown. */
async function openNextPage(
  url: string,
  variant: StockedVariant,
  previous: ReleasedPage,
): Promise<ReleasedPage> {
  const page = await openProductPage(url, variant);
  const same = page.assets.find((path) => previous.assets.includes(path));
  if (same !== undefined) throw new Error(`The next release has ${same} as well: it is the same`);
  return page;
}

async function judge(walkIns: WalkIn[], url: string): Promise<{ lost: number; duplicated: number }> {
  const differences = await Promise.all(
    walkIns.map(async (walker) => (await countPieces(walker, url)) - walker.added),
  );
  return {
    lost: differences.reduce((sum, difference) => sum + Math.max(0, -difference), 0),
    duplicated: differences.reduce((sum, difference) => sum + Math.max(0, difference), 0),
  };
}
