// `npm run bench`: each figure as a ratio to a named limit that is measured in the same run.
import { Command, Option } from 'commander';
import { benchCompliance } from './compliance.ts';
import { benchDurableAdd } from './durable-add.ts';
import { pageBenchmarks } from './pages.ts';
import type { BenchResult } from './result.ts';
import { benchShoppers } from './shoppers.ts';
import { type BenchShop, startBenchShop } from './shop.ts';

const withShop: Record<string, (shop: BenchShop) => Promise<BenchResult>> = {
  ...pageBenchmarks,
  'durable-add': benchDurableAdd,
  shoppers: benchShoppers,
};

/** Need nothing running. */
const alone: Record<string, () => BenchResult> = { compliance: benchCompliance };

const names = [...Object.keys(withShop), ...Object.keys(alone)];

const program = new Command('bench')
  .description('Measure the shop, each figure as a ratio to a named limit in the same run')
  .argument('[names...]', `which: ${names.join(', ')}, or all`)
  .addOption(new Option('--json', 'print one JSON object a benchmark, a line each'))
  .showHelpAfterError()
  .action(run);

async function run(asked: string[], { json }: { json?: boolean }): Promise<void> {
  const chosen = asked.length === 0 || asked.includes('all') ? names : asked;
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    program.error(`There is no benchmark '${unknown}'; there are ${names.join(', ')}`, { exitCode: 2 });
  }
  const print = (result: BenchResult) => console.log(json ? JSON.stringify(result) : describe(result));
  for (const name of chosen.filter((one) => one in alone)) print(alone[name]!());
  const shopped = chosen.filter((one) => one in withShop);
  if (shopped.length === 0) return;
  await using shop = await startBenchShop(process.env);
  for (const name of shopped) print(await withShop[name]!(shop));
}

function describe(result: BenchResult): string {
  const aim = result.aim === undefined ? '' : `, aim ${result.aim}`;
  return [
    `${result.bench}: ${result.ratio.toFixed(2)} of the limit${aim}`,
    `  ours    ${result.ours.toLocaleString('en')}  ${result.measured}`,
    `  theirs  ${result.theirs.toLocaleString('en')}  ${result.against}`,
    ...result.notes.map((note) => `  ${note}`),
  ].join('\n');
}

await program.parseAsync();
