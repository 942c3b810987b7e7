// Drill: the next release, built from this one, replaces three origins one by one while shoppers never retry.

import { appendFile, cp, mkdtemp, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CookieJar } from '../../traffic/http-connection.ts';
import { readVariants, type StockedVariant } from '../../traffic/read-catalog.ts';
import type { DrillContext, DrillResult } from '../drill.ts';
import { Timeline } from '../report.ts';
import {
  countPieces,
  openProductPage,
  type ReleasedPage,
  sendForm,
  takeAsset,
  type WalkIn,
  type WalkInOptions,
  walkIn,
  watchAssets,
} from './walk-in.ts';

const settleMs = 1_500;
const requestsAtLeast = { short: 500, full: 5_000 };

/**
 * Drill: the next release replaces three origins one by one while shoppers never retry. No request may fail,
 * no piece may be lost, and pages of either release must work with both.
 */
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
      // A 422 is an answer and no failure of the deploy: the line already has its 99 pieces.
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
    // A browser with a page of one release may ask an origin of the other for its files.
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

/** @throws if it is the same release, because the drill would then prove nothing */
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

const thisRelease = fileURLToPath(new URL('../../../', import.meta.url));

const migration = `import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql\`set local lock_timeout = '2s'\`.execute(db);
  for (const table of ['products', 'variants', 'carts', 'orders', 'outbox'])
    await sql\`alter table \${sql.table(table)} add column of_next_release text, add column with_default integer not null default 1\`.execute(db);
  await sql\`create table next_release (id bigint primary key)\`.execute(db);
}
`;

/**
 * Builds the next release from this one: another style sheet and script, and a schema with an additional column. The
 * files of the origin differ, the packages do not.
 * @returns the folder to start it from
 */
async function makeNextRelease(within: string): Promise<string> {
  const folder = await mkdtemp(join(within, 'release-'));
  for (const part of ['http', 'origin'])
    await cp(join(thisRelease, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  await cp(join(thisRelease, 'package.json'), join(folder, 'package.json'));
  await symlink(await realpath(join(thisRelease, 'node_modules')), join(folder, 'node_modules'));
  const origin = join(folder, 'origin');
  const mark = `\n/* ${basename(folder)} */\n`;
  await appendFile(join(origin, 'web/assets/styles/9-print.css'), mark);
  await appendFile(join(origin, 'web/assets/shop.js'), mark);
  await writeFile(join(origin, 'postgres/migrations/9999-next-release.ts'), migration);
  await edit(join(origin, 'postgres/migrate.ts'), (text) =>
    text
      .replace(/^import \* as/m, "import * as nextRelease from './migrations/9999-next-release.ts';\n$&")
      .replace(/^const migrations: .*= \{$/m, "$&\n  '9999-next-release': nextRelease,"),
  );
  return folder;
}

/** @throws if nothing was changed, because the file is no longer as expected */
async function edit(file: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`Cannot make the next release as ${file} has another form`);
  await writeFile(file, changed);
}
