// `npm run bench`: each figure as a ratio to a named limit that is measured in the same run.
import { Command, Option } from 'commander';
import { makeAlike } from '../command-line.ts';
import { leaveNothing } from '../local/run-until-stopped.ts';
import { benchCatalogOfMillion, benchCatalogSize } from './catalog-size.ts';
import { benchChangeToDone, benchPurge } from './change-to-done.ts';
import { benchCompliance } from './compliance.ts';
import type { BenchResult } from './measure.ts';
import { benchOrdersSize } from './orders-size.ts';
import { benchStampede, pageBenchmarks } from './pages.ts';
import { benchReadScaling } from './read-scaling.ts';
import { type BenchShop, startBenchShop } from './shop.ts';
import { benchDurableAdd, benchShoppers } from './shoppers.ts';

const withShop: Record<string, (shop: BenchShop) => Promise<BenchResult | BenchResult[]>> = {
  ...pageBenchmarks,
  'durable-add': benchDurableAdd,
  shoppers: benchShoppers,
  stampede: benchStampede,
  purge: benchPurge,
  // The last benchmark, because it leaves a large catalog behind.
  'catalog-size': benchCatalogSize,
};

/** Benchmarks of many minutes, which run only by name. */
const long: typeof withShop = {
  'catalog-size-million': benchCatalogOfMillion,
  'orders-size': benchOrdersSize,
};

/** Benchmarks that start their own parts. */
const alone: Record<string, () => BenchResult[] | Promise<BenchResult | BenchResult[]>> = {
  compliance: benchCompliance,
  'read-scaling': benchReadScaling,
  'change-to-done': benchChangeToDone,
};

const usual = [...Object.keys(alone), ...Object.keys(withShop)];
const names = [...usual, ...Object.keys(long)];

const program = new Command('npm run bench --')
  .description('Measure the shop, each figure as a ratio to a named limit in the same run')
  .argument('[names...]', `which: ${names.join(', ')}; or all but the last two`)
  .addOption(new Option('--json', 'print one JSON object a benchmark, a line each'))
  .action(run);

async function run(asked: string[], { json }: { json?: boolean }): Promise<void> {
  if (asked.length === 0) return program.outputHelp();
  const chosen = asked.includes('all') ? usual : asked;
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    program.error(`There is no benchmark '${unknown}'; without a name they are listed`, { exitCode: 2 });
  }
  await using _traces = leaveNothing('myclothes-bench-', { onSignal: 'end' });
  const print = (result: BenchResult) => console.log(json ? JSON.stringify(result) : describe(result));
  for (const bench of chosen.flatMap((name) => alone[name] ?? [])) {
    for (const result of [await bench()].flat()) print(result);
  }
  const shopped = chosen.flatMap((name) => withShop[name] ?? long[name] ?? []);
  if (shopped.length === 0) return;
  await using shop = await startBenchShop(process.env);
  for (const bench of shopped) for (const result of [await bench(shop)].flat()) print(result);
}

function describe(result: BenchResult): string {
  const bound = result.lessIsBetter ? 'at most' : 'at least';
  const aim = result.aim === undefined ? '' : `, aim ${bound} ${result.aim}`;
  return [
    `${result.bench}: ${result.ratio.toFixed(2)} of the limit${aim}`,
    `  ours    ${result.ours.toLocaleString('en')}  ${result.measured}`,
    `  theirs  ${result.theirs.toLocaleString('en')}  ${result.against}`,
    ...result.notes.map((note) => `  ${note}`),
  ].join('\n');
}

await makeAlike(program).parseAsync();
