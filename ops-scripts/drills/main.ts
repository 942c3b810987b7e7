// `npm run drill`: hurts a region of its own under load, and says what that cost.
import { Command, Option } from 'commander';
import { catalogue, type PlannedRun, plannedRuns } from './catalogue.ts';
import type { DrillResult } from './drill.ts';
import { type CartStateName, type Region, startRegion } from './region.ts';
import { describeResult, describeTotals } from './report.ts';
import { writeHtmlReport } from './report-html.ts';
import { seededRandom } from './seeded-random.ts';

interface Options {
  json?: boolean;
  short?: boolean;
  state?: CartStateName;
  seed?: number;
  minutes: number;
  html?: string;
}

const program = new Command('drill')
  .description('Hurt a region under load, part by part, and count what was lost')
  .argument('[names...]', "drills to run, or 'all'; without any, they are listed")
  .option('--json', 'print one JSON object a drill, a line each')
  .option('--short', 'fewer shoppers and shorter faults')
  .addOption(new Option('--state <state>', 'how carts are kept').choices(['server', 'cookie', 'sticky']))
  .addOption(new Option('--seed <number>', 'repeat the choices of an earlier run').argParser(Number))
  .addOption(new Option('--minutes <number>', "how long 'random' goes on").argParser(Number).default(5))
  .option('--html <file>', 'also write a report with charts')
  .showHelpAfterError()
  .action(run);

async function run(names: string[], options: Options): Promise<void> {
  if (names.length === 0) return listDrills();
  const unknown = names.find((name) => name !== 'all' && !(name in catalogue));
  if (unknown !== undefined)
    program.error(`There is no drill '${unknown}'; without a name they are listed`, { exitCode: 2 });
  const seed = options.seed ?? Math.floor(Math.random() * 1_000_000);
  const results: DrillResult[] = [];
  for (const [state, runs] of Map.groupBy(plannedRuns(names, options), (planned) => planned.state)) {
    await using region = await openRegion(state);
    for (const planned of runs) {
      const result = await runOne(planned, region, seed, options);
      results.push(result);
      print(result, options);
    }
  }
  if (!options.json) console.log(describeTotals(results));
  if (options.html) await writeHtmlReport(options.html, results);
  process.exitCode = results.every(({ verdict }) => verdict === 'pass') ? 0 : 1;
}

async function openRegion(state: CartStateName): Promise<Region> {
  console.error(`Starting a region that keeps carts in state '${state}'`);
  return startRegion(process.env, state);
}

async function runOne(
  { name, state }: PlannedRun,
  region: Region,
  seed: number,
  options: Options,
): Promise<DrillResult> {
  const random = seededRandom(seed).fork(name);
  try {
    // A store that the drill before lost is rebuilt first: this one must be the only fault.
    await region.rebuilt();
    await region.healed();
    return await catalogue[name]!.run(
      { region, state, seed, random, short: options.short === true },
      options.minutes,
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...blank(name, state, seed), errors: 1, verdict: 'fail', notes: [reason] };
  }
}

function blank(drill: string, state: CartStateName, seed: number): Omit<DrillResult, 'verdict' | 'notes'> {
  return {
    drill,
    state,
    seed,
    acknowledged: 0,
    lost: 0,
    duplicated: 0,
    errors: 0,
    unavailableSeconds: 0,
    recoverySeconds: 0,
  };
}

function print(result: DrillResult, { json, short }: Options): void {
  const { picture: _picture, history: _history, ...line } = result;
  console.log(json ? JSON.stringify(line) : describeResult(result, short === true));
}

function listDrills(): void {
  for (const [name, { summary }] of Object.entries(catalogue)) console.log(`${name.padEnd(26)}${summary}`);
}

await program.parseAsync();
