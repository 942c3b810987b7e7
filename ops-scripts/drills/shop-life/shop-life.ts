// Drill `shop-life`: shoppers, staff, imports, mail servers and restarts for simulated days, with laws and a report.
import { writeFile } from 'node:fs/promises';
import { seededRandom } from '../../traffic/seeded-random.ts';
import type { DrillResult } from '../drill.ts';
import { type StripeServer, startStripeServer } from '../stripe-server.ts';
import { liveDay, passNight } from './day.ts';
import { importLifeProducts, takeStockAsItIs } from './deeds/files.ts';
import { documentsAddUp, eventsInCommitOrder, vatReportAddsUp } from './laws/documents.ts';
import { absentColumnsStay, changesStay, filesComeBack } from './laws/files.ts';
import { type Breach, checkLaw, type Law } from './laws/law.ts';
import {
  foundBySku,
  foundByTitle,
  foundByTypedTitle,
  listsAgree,
  nothingHiddenIsSeen,
  suggestionsFind,
} from './laws/lists.ts';
import { mailLinksOpen, oneConfirmationPerOrder } from './laws/mails.ts';
import { moneyAddsUp, stockAddsUp } from './laws/money-and-stock.ts';
import { priceHistoryIsWhole, pricesTurnAtOnce, wasIsLawful } from './laws/prices.ts';
import { invoicesWithoutGaps, promotionsHold, vatAddsUp } from './laws/selling.ts';
import {
  deedsEndAsPromised,
  noDeadLetters,
  noErrorLines,
  noServerErrors,
  nothingFailsForEver,
  oldRowsGo,
} from './laws/work-and-answers.ts';
import { type Pace, ShopLife } from './life.ts';
import { exportCatalog } from './product-files/product-file.ts';
import { askPostgres, startRegionShop } from './shop/living-shop.ts';
import { startLifeShop } from './shop/local-shop.ts';
import { type MailServer, startMailServer } from './shop/mail-server.ts';

export interface LifeRun {
  /** Default 7, in short form 2. */
  days?: number;
  short?: boolean;
  /** Default `usual`. */
  pace?: Pace;
  seed: number;
  /** Whether it runs on a whole region, or else on the parts that `npm start` runs. */
  region?: boolean;
  stopping: AbortSignal;
  progress(sentence: string): void;
  /** The file of a report for people. */
  report?: string;
}

const usualDays = 7;
const shortDays = 2;

export async function runShopLife(how: LifeRun): Promise<DrillResult> {
  const { seed, region = false, stopping, progress } = how;
  const days = how.days ?? (how.short ? shortDays : usualDays);
  try {
    // Fails now if the file can't be written, before the drill takes its minutes.
    if (how.report !== undefined) await writeFile(how.report, '');
    await using mail = await startMailServer();
    await using stripe = await startStripeServer();
    progress(`Starting ${region ? 'a region' : 'the shop'}`);
    const start = region ? startRegionShop : startLifeShop;
    await using shop = await start(settingsOf({ mail, stripe }), stopping);
    const life = new ShopLife(shop, { mail, stripe }, seededRandom(seed).fork('shop-life'));
    life.pace = how.pace ?? 'usual';
    const lived = await liveDays(life, { days, stopping, progress });
    if (how.report !== undefined) await writeFile(how.report, describeLife(lived, { days, seed, region }));
    return conclude(lived, seed);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...blank(seed), errors: 1, verdict: 'fail', notes: [reason] };
  }
}

/** The settings by which a shop reaches the servers outside of it. */
export function settingsOf({ mail, stripe }: { mail: MailServer; stripe: StripeServer }) {
  return { SMTP_URL: mail.url, PAYMENT_PROVIDERS: 'demo,on-delivery,stripe', ...stripe.settings };
}

/** Lives the days. Each breach is reported once. */
export async function liveDays(
  life: ShopLife,
  { days, stopping, progress }: { days: number } & Pick<LifeRun, 'stopping' | 'progress'>,
): Promise<Lived> {
  const began = performance.now();
  await takeStockAsItIs(life);
  await importLifeProducts(life, life.random.fork('products'));
  const breaches = new Map<string, Breach>();
  for (life.day = 1; life.day <= days && !stopping.aborted; life.day++) {
    await liveDay(life, life.random.fork(`day ${life.day}`), stopping);
    if (stopping.aborted) break;
    const isWhole = life.pace === 'usual' || life.day % daysOfWeek === 0 || life.day === days;
    const found = await checkLaws(life, isWhole);
    for (const breach of found) {
      const key = `${breach.law}: ${breach.sentence}`;
      if (!breaches.has(key)) breaches.set(key, breach);
    }
    await closeDay(life, isWhole);
    progress(describeDay(life, found));
  }
  life.day -= 1;
  const seconds = (performance.now() - began) / 1_000;
  return { life, breaches: [...breaches.values()], seconds, isWhole: !stopping.aborted };
}

const daysOfWeek = 7;

async function checkLaws(life: ShopLife, isWhole: boolean): Promise<Breach[]> {
  const found: Breach[] = [];
  for (const law of laws) {
    if (law.isCostly && !isWhole) continue;
    found.push(...(await checkLaw(law, life)));
  }
  return found;
}

/** Forgets what was judged, so that a long life only keeps what the next day needs. Then a night passes. */
async function closeDay(life: ShopLife, isWhole: boolean): Promise<void> {
  const { record } = life;
  if (isWhole) {
    record.setToday.clear();
    record.fileOfYesterday = await exportCatalog(life);
  }
  for (const judged of [record.brokenPromises, record.answers.faults, record.suggestions]) judged.length = 0;
  for (const judged of [record.partialImports, record.openedLinks, record.watchedSales]) judged.length = 0;
  record.ordersBefore = record.orders.length;
  const [{ last } = { last: '0' }] = await askPostgres<{ last: string }>(
    life.shop,
    'select last_position as last from shop_event_counter',
  );
  record.eventsFrom = [record.eventsFrom[1], last];
  await passNight(life);
}

function describeDay(life: ShopLife, found: Breach[]): string {
  const deeds = [...life.record.deeds.values()].reduce((sum, count) => sum + count, 0);
  const told =
    found.length === 0 ? 'all laws hold' : found.map(({ law, sentence }) => `${law}: ${sentence}`).join('; ');
  return `day ${life.day}: ${deeds} deeds and ${life.record.orders.length} orders so far; ${told}`;
}

function blank(seed: number) {
  return {
    drill: 'shop-life',
    state: 'server' as const,
    seed,
    acknowledged: 0,
    lost: 0,
    duplicated: 0,
    errors: 0,
    unavailableSeconds: 0,
    recoverySeconds: 0,
  };
}

function conclude(lived: Lived, seed: number): DrillResult {
  const { life, breaches, isWhole } = lived;
  const countOf = (law: string) => breaches.filter((breach) => breach.law === law).length;
  const deeds = [...life.record.deeds].map(([deed, times]) => `${deed} ${times}`);
  return {
    ...blank(seed),
    acknowledged: life.record.orders.length,
    lost: countOf('money-adds-up'),
    duplicated: countOf('one-confirmation-per-order'),
    errors: breaches.length,
    verdict: breaches.length === 0 && isWhole ? 'pass' : 'fail',
    notes: [
      describeScale(lived),
      `Deeds: ${deeds.sort().join(', ')}`,
      ...(isWhole ? [] : ['Interrupted before its last day']),
      ...breaches.map(({ law, day, sentence }) => `${law}, day ${day}: ${sentence}`),
    ],
  };
}

/** The outcome of `shop-life`: how often each deed was done, and the breaches of each law. */
export interface Lived {
  life: ShopLife;
  breaches: Breach[];
  seconds: number;
  /** Whether it reached its last day. */
  isWhole: boolean;
}

/** The report as Markdown. */
function describeLife(
  lived: Lived,
  { days, seed, region }: { days: number; seed: number; region: boolean },
): string {
  const { life, breaches } = lived;
  const deeds = [...life.record.deeds].sort(([a], [b]) => a.localeCompare(b));
  const total = deeds.reduce((sum, [, count]) => sum + count, 0);
  const command = `npm run drill -- shop-life --days ${days} --seed ${seed}${region ? ' --region' : ''}${life.pace === 'quiet' ? ' --pace quiet' : ''}`;
  const weekly = laws.filter(({ isCostly }) => isCostly).map(({ name }) => `\`${name}\``);
  return `# A life of ${life.day} days

\`${command}\`: ${breaches.length === 0 ? 'every law held' : `breaches: ${breaches.length}`}. ${describeScale(lived)}.${lived.isWhole ? '' : ' Broken off in the midst of the next day.'}

## Deeds

${total} in all.

| deed | times |
| --- | ---: |
${deeds.map(([name, count]) => `| ${name} | ${count} |`).join('\n')}

## Laws

${life.pace === 'quiet' ? `Checked after each day; ${weekly.join(', ')} once a week.` : 'Checked after each day.'}

| law | breaches |
| --- | ---: |
${laws.map(({ name }) => `| \`${name}\` | ${breaches.filter(({ law }) => law === name).length} |`).join('\n')}
${breaches.map(({ law, day, sentence }) => `\n- ${law}, day ${day}: ${sentence}`).join('')}
`;
}

function describeScale({ life, seconds }: Lived): string {
  const { record, mailServer, day } = life;
  const answers = Object.values(record.answers.counts).reduce((sum, count) => sum + count, 0);
  return (
    `${day} days in ${Math.round(seconds)} s: ${record.orders.length} orders, ${answers} answers ` +
    `(${record.answers.askedAgain} asked again while a part was away), ${mailServer.copies.length} mails`
  );
}

// All laws of the drill, in the order in which they are checked after each day.

export const laws = [
  moneyAddsUp,
  stockAddsUp,
  promotionsHold,
  vatAddsUp,
  invoicesWithoutGaps,
  documentsAddUp,
  vatReportAddsUp,
  pricesTurnAtOnce,
  wasIsLawful,
  priceHistoryIsWhole,
  eventsInCommitOrder,
  absentColumnsStay,
  changesStay,
  filesComeBack,
  foundByTitle,
  foundByTypedTitle,
  foundBySku,
  suggestionsFind,
  listsAgree,
  nothingHiddenIsSeen,
  mailLinksOpen,
  oneConfirmationPerOrder,
  nothingFailsForEver,
  noDeadLetters,
  oldRowsGo,
  deedsEndAsPromised,
  noServerErrors,
  noErrorLines,
] as Law[];
